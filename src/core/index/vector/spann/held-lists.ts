/**
 * Lists in memory, where the kernel scans many in one call: those that searches have asked for lately, as many as there is room for. Lists
 * are held by their slots. A build that writes one anew has the new one prepared beside it, where there is room, and both are exchanged
 * when what was built is installed; pages that stay as they are, which are most, are shared. So searches that go on while rows come in
 * need not read what they have asked for again.
 */
import { hasSameItems } from "../../../base/same-items.js";
import { carved } from "../../../base/slab.js";
import type { ListSource } from "./list-source.js";
import type { ListPages, PreparedQuery, Probe, ScannedLists, ScanOptions, SpannCoder } from "./spann-kernel.js";

interface HeldList {
  /** Plain numbers: of so few they are read faster than out of a typed array, and take less. */
  pages: readonly number[];
  /** Whether a search has asked for it since the hand last came by. */
  isAsked: boolean;
}

/** About what the entry of a list takes beside its pages. */
const ENTRY_BYTES = 150;

export class HeldLists {
  readonly #coder: Pick<SpannCoder, "createPages" | "listBytes">;
  readonly #bytesMax: number;
  readonly #pagesMax: number;
  #pages: ListPages | null = null;
  /** What one page holds, to be compared. */
  readonly #page: Uint8Array;
  /** By slot. */
  readonly #lists: (HeldList | undefined)[] = [];
  #count = 0;
  /** The slot that is looked at next when there has to be room: a clock's hand (Corbató 1968). */
  #hand = 0;
  /** By slot, the pages of lists that are written anew and not installed. Each list is held as it was. */
  readonly #prepared = new Map<number, readonly number[]>();
  readonly #free: number[] = [];
  #pageEnd = 0;

  /** Of `bytesMax` there may be more for a moment: what one scan asks for is always held. */
  constructor(coder: Pick<SpannCoder, "createPages" | "listBytes">, bytesMax: number) {
    this.#coder = coder;
    this.#page = new Uint8Array(coder.listBytes(1));
    this.#bytesMax = bytesMax;
    this.#pagesMax = Math.floor(bytesMax / coder.listBytes(1));
  }

  get byteLength(): number {
    return (this.#pages?.byteLength ?? 0) + ENTRY_BYTES * (this.#count + this.#prepared.size);
  }

  /** Copies of the lists, held or not. */
  async read(slots: readonly number[], source: ListSource): Promise<Uint8Array[]> {
    const held = slots.map((slot) => this.#copyOf(slot));
    const missing = slots.filter((_, i) => held[i] === null);
    const read = missing.length === 0 ? [] : await source.read(missing, false);
    let next = 0;
    return held.map((list) => list ?? read[next++]!);
  }

  /** Matches of the lists that the probes name, after those were read that are not held. `options` is asked for once they are there. */
  async scan(query: PreparedQuery, probes: readonly Probe[], source: ListSource, options: () => ScanOptions): Promise<ScannedLists> {
    for (let missing = this.#missing(probes); missing.length > 0; missing = this.#missing(probes)) {
      const read = await source.read(missing, this.#hasBeenFull);
      this.#makeRoom(
        read.reduce((pages, list) => pages + this.#pagesOf(list), 0),
        new Set(probes.map(({ slot }) => slot)),
      );
      missing.forEach((slot, i) => void this.#put(slot, read[i]!));
    }
    return this.#scan(query, probes, options());
  }

  /** A list is written anew, which is not installed yet. Those that are not held are not kept. */
  prepare(slot: number, list: Uint8Array): void {
    const held = this.#lists[slot];
    if (held === undefined) return;
    const pageBytes = this.#coder.listBytes(1);
    const subBlocks = Array.from({ length: this.#pagesOf(list) }, (_, i) => list.subarray(i * pageBytes, (i + 1) * pageBytes));
    const isSame = subBlocks.map((bytes, i) => i < held.pages.length && this.#isSame(held.pages[i]!, bytes));
    const more = isSame.filter((same) => !same).length;
    this.#makeRoom(more, new Set([slot]));
    if (this.#room < more) return;
    this.#prepared.set(
      slot,
      subBlocks.map((bytes, i) => (isSame[i] ? held.pages[i]! : this.#putPage(bytes))),
    );
  }

  /** What was built is installed: these lists are other ones now, or no more. No scan is under way. */
  install(changed: Iterable<number>): void {
    for (const slot of changed) {
      const pages = this.#prepared.get(slot);
      const { isAsked = false } = this.#lists[slot] ?? {};
      this.#drop(slot, new Set(pages));
      if (pages !== undefined) this.#hold(slot, { pages, isAsked });
    }
    this.abandon();
  }

  /** What was prepared is not going to be installed. */
  abandon(): void {
    for (const [slot, pages] of this.#prepared) {
      const held = new Set(this.#lists[slot]!.pages);
      for (const page of pages) if (!held.has(page)) this.#free.push(page);
    }
    this.#prepared.clear();
  }

  /** Lets a list go, and what is prepared for it, but for these pages. */
  #drop(slot: number, kept?: ReadonlySet<number>): void {
    const list = this.#lists[slot];
    const pages = new Set([...(list?.pages ?? []), ...(this.#prepared.get(slot) ?? [])]);
    for (const page of pages) if (!kept?.has(page)) this.#free.push(page);
    this.#prepared.delete(slot);
    if (list === undefined) return;
    this.#lists[slot] = undefined;
    this.#count--;
  }

  #hold(slot: number, list: HeldList): void {
    while (this.#lists.length < slot) this.#lists.push(undefined);
    this.#lists[slot] = list;
    this.#count++;
  }

  #scan(query: PreparedQuery, probes: readonly Probe[], options: ScanOptions): ScannedLists {
    const lists = probes.map(({ slot }) => this.#lists[slot]!);
    // By plain loops: `from` and `set` take as long for so few numbers as what is done with them.
    const counts = carved(Uint32Array, lists.length);
    let total = 0;
    for (let i = 0; i < lists.length; i++) total += counts[i] = lists[i]!.pages.length;
    const pages = carved(Uint32Array, total);
    let at = 0;
    for (const list of lists) {
      list.isAsked = true;
      const { pages: own } = list;
      for (let i = 0; i < own.length; i++) pages[at++] = own[i]!;
    }
    this.#pages ??= this.#coder.createPages(this.#bytesMax);
    return this.#pages.scan(query, probes, pages, counts, options);
  }

  #missing(probes: readonly Probe[]): number[] {
    const missing: number[] = [];
    for (const { slot } of probes) if (this.#lists[slot] === undefined) missing.push(slot);
    return missing;
  }

  #pagesOf(list: Uint8Array): number {
    return list.length / this.#coder.listBytes(1);
  }

  /** Lists that nobody has asked for since the last time go first; those in `kept` stay. */
  #makeRoom(pages: number, kept: ReadonlySet<number>): void {
    // In two rounds every list that may go has gone.
    for (let looks = 2 * this.#lists.length; looks > 0 && this.#room < pages; looks--) {
      if (this.#hand >= this.#lists.length) this.#hand = 0;
      const slot = this.#hand++;
      const list = this.#lists[slot];
      if (list === undefined || kept.has(slot)) continue;
      if (list.isAsked) list.isAsked = false;
      else this.#drop(slot);
    }
  }

  /** Whether there was no room for all that was asked for, so that what is held now may go and be asked for again. */
  get #hasBeenFull(): boolean {
    return this.#pageEnd >= this.#pagesMax;
  }

  /** Pages that may be taken; negative where what one scan asked for is more than there is room for. */
  get #room(): number {
    return this.#free.length + this.#pagesMax - this.#pageEnd;
  }

  #put(slot: number, list: Uint8Array): void {
    // Another search may have read it meanwhile.
    if (this.#lists[slot] !== undefined) return;
    const pageBytes = this.#coder.listBytes(1);
    const pages = Array.from({ length: this.#pagesOf(list) }, (_, i) => this.#putPage(list.subarray(i * pageBytes, (i + 1) * pageBytes)));
    this.#hold(slot, { pages, isAsked: false });
  }

  #putPage(bytes: Uint8Array): number {
    this.#pages ??= this.#coder.createPages(this.#bytesMax);
    const page = this.#free.pop() ?? this.#pageEnd++;
    this.#pages.put(page, bytes);
    return page;
  }

  #isSame(page: number, bytes: Uint8Array): boolean {
    this.#pages!.copy(page, this.#page);
    return hasSameItems(this.#page, bytes);
  }

  #copyOf(slot: number): Uint8Array | null {
    const list = this.#lists[slot];
    if (list === undefined) return null;
    const pageBytes = this.#coder.listBytes(1);
    const copy = new Uint8Array(list.pages.length * pageBytes);
    list.pages.forEach((page, i) => void this.#pages!.copy(page, copy.subarray(i * pageBytes, (i + 1) * pageBytes)));
    return copy;
  }
}
