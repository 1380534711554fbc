/**
 * Lists in memory, where the kernel scans many in one call: those that searches have asked for lately, as many as there is room for. Lists
 * are held by their slots, so whoever writes one anew has it forgotten here.
 */
import type { ListSource } from "./list-source.js";
import type { ListPages, PreparedQuery, Probe, ScannedLists, ScanOptions, SpannCoder } from "./spann-kernel.js";

interface HeldList {
  pages: Uint32Array;
  /** Whether a search has asked for it since room was last looked for. */
  isAsked: boolean;
}

/** About what the entry of a list takes beside its pages. */
const ENTRY_BYTES = 150;

export class HeldLists {
  readonly #coder: Pick<SpannCoder, "createPages" | "listBytes">;
  readonly #pagesMax: number;
  #pages: ListPages | null = null;
  /** By slot, in the order in which they are looked at when there has to be room. */
  readonly #lists = new Map<number, HeldList>();
  readonly #free: number[] = [];
  #pageEnd = 0;

  /** Of `bytesMax` there may be more for a moment: what one scan asks for is always held. */
  constructor(coder: Pick<SpannCoder, "createPages" | "listBytes">, bytesMax: number) {
    this.#coder = coder;
    this.#pagesMax = Math.floor(bytesMax / coder.listBytes(1));
  }

  get byteLength(): number {
    return (this.#pages?.byteLength ?? 0) + ENTRY_BYTES * this.#lists.size;
  }

  /** Copies of the lists, held or not. */
  async read(slots: readonly number[], source: ListSource): Promise<Uint8Array[]> {
    const held = slots.map((slot) => this.#copyOf(slot));
    const missing = slots.filter((_, i) => held[i] === null);
    const read = missing.length === 0 ? [] : await source.read(missing);
    let next = 0;
    return held.map((list) => list ?? read[next++]!);
  }

  /** Matches of the lists that the probes name, after those were read that are not held. `options` is asked for once they are there. */
  async scan(query: PreparedQuery, probes: readonly Probe[], source: ListSource, options: () => ScanOptions): Promise<ScannedLists> {
    for (let missing = this.#missing(probes); missing.length > 0; missing = this.#missing(probes)) {
      const read = await source.read(missing);
      this.#makeRoom(
        read.reduce((pages, list) => pages + this.#pagesOf(list), 0),
        new Set(probes.map(({ slot }) => slot)),
      );
      missing.forEach((slot, i) => void this.#put(slot, read[i]!));
    }
    return this.#scan(query, probes, options());
  }

  /** A list is written anew, or no more. */
  forget(slot: number): void {
    for (const page of this.#lists.get(slot)?.pages ?? []) this.#free.push(page);
    this.#lists.delete(slot);
  }

  #scan(query: PreparedQuery, probes: readonly Probe[], options: ScanOptions): ScannedLists {
    const lists = probes.map(({ slot }) => this.#lists.get(slot)!);
    const counts = Uint32Array.from(lists, ({ pages }) => pages.length);
    const pages = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
    let at = 0;
    for (const list of lists) {
      list.isAsked = true;
      pages.set(list.pages, at);
      at += list.pages.length;
    }
    this.#pages ??= this.#coder.createPages();
    return this.#pages.scan(query, probes, pages, counts, options);
  }

  #missing(probes: readonly Probe[]): number[] {
    const missing: number[] = [];
    for (const { slot } of probes) if (!this.#lists.has(slot)) missing.push(slot);
    return missing;
  }

  #pagesOf(list: Uint8Array): number {
    return list.length / this.#coder.listBytes(1);
  }

  /** Lists that nobody has asked for since the last time go first; those in `kept` stay. */
  #makeRoom(pages: number, kept: ReadonlySet<number>): void {
    for (const [slot, list] of this.#lists) {
      if (this.#free.length + this.#pagesMax - this.#pageEnd >= pages) return;
      if (kept.has(slot)) continue;
      this.#lists.delete(slot);
      if (list.isAsked) this.#lists.set(slot, { ...list, isAsked: false });
      else for (const page of list.pages) this.#free.push(page);
    }
  }

  #put(slot: number, list: Uint8Array): void {
    // Another search may have read it meanwhile.
    if (this.#lists.has(slot)) return;
    this.#pages ??= this.#coder.createPages();
    const pageBytes = this.#coder.listBytes(1);
    const pages = new Uint32Array(list.length / pageBytes);
    for (let i = 0; i < pages.length; i++) {
      const page = this.#free.pop() ?? this.#pageEnd++;
      this.#pages.put(page, list.subarray(i * pageBytes, (i + 1) * pageBytes));
      pages[i] = page;
    }
    this.#lists.set(slot, { pages, isAsked: false });
  }

  #copyOf(slot: number): Uint8Array | null {
    const list = this.#lists.get(slot);
    if (list === undefined) return null;
    const pageBytes = this.#coder.listBytes(1);
    const copy = new Uint8Array(list.pages.length * pageBytes);
    list.pages.forEach((page, i) => void this.#pages!.copy(page, copy.subarray(i * pageBytes, (i + 1) * pageBytes)));
    return copy;
  }
}
