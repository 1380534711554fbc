/**
 * The inverted lists of the vector index at rest: which lists there are and where they lie, their centroids, and the list of each row.
 *
 *     lists      one row of bytes: lists one after the other, each read by itself against its own checksum
 *     directory  slot block start length crc: of each list, the place of its block in the section and its bytes in there
 *     centroids  pieces of as many slots as `CENTROID_PIECE_BYTES` has room for: one row per slot, of 0 where there is no list
 *     map        pieces of 65,536 ordinals: the slot of each, `NO_LIST` where it is in none
 *
 * Blocks are never changed. A list that is written anew leaves its place, and a block of which less than half is in use is written
 * anew with what is; pieces that are as they were keep their blocks.
 */
import { Bitmap } from "../base/bitmap.js";
import { crc32 } from "../base/checksum.js";
import type { Tick } from "../base/turns.js";
import { Block, encodeBlock } from "../blockstore/block.js";
import type { BlockPart, BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { TidepoolError } from "../errors.js";
import type { InvertedLists } from "../index/vector/spann/inverted-lists.js";
import type { ListSource } from "../index/vector/spann/list-source.js";
import { limits } from "../limits.js";

/** Where lists are. Plain JSON: manifests hold it. */
export interface ListsSection {
  version: number;
  /** Of the rotation. */
  seed: number;
  /** Blocks of lists. */
  blocks: BlockRef[];
  directory: BlockRef;
  centroids: BlockRef[];
  map: BlockRef[];
}

/** What is to be written. */
export interface WrittenLists {
  /** Lists that are new or changed. */
  changed: AsyncIterable<[slot: number, list: Uint8Array]>;
  /** Slots of lists that are no more, asked for once all that changed were. */
  retired(): Iterable<number>;
  /** The list of each row from `first` to before `end`, `NO_LIST` for none; likewise. Of all rows piece by piece, between turns. */
  map(first: number, end: number): Uint32Array;
  /** Of rows. */
  ordinalEnd: number;
  seed: number;
}

export const LISTS_VERSION = 1;
const CENTROID_PIECE_BYTES = 1024 * 1024;
const MAP_PIECE_ORDINALS = 65_536;

/** A section whose blocks are written. */
export interface PreparedLists {
  section: ListsSection;
  install(): void;
}

export function* listRefs({ blocks, directory, centroids, map }: ListsSection): Generator<BlockRef, void, undefined> {
  yield* blocks;
  yield directory;
  yield* centroids;
  yield* map;
}

export class ListBlocks implements ListSource {
  readonly #blocks: Pick<BlockStore, "readBytes" | "readParts">;
  readonly #owner: string;
  #section: ListsSection | null = null;
  #places = new Map<number, BlockPart>();

  constructor(blocks: Pick<BlockStore, "readBytes" | "readParts">, owner: string) {
    this.#blocks = blocks;
    this.#owner = owner;
  }

  /** About how many bytes of memory the directory takes. */
  get byteLength(): number {
    return 120 * this.#places.size;
  }

  read(slots: readonly number[], keeps: boolean): Promise<Uint8Array[]> {
    return this.#blocks.readParts(
      slots.map((slot) => this.#placeOf(slot)),
      this.#owner,
      keeps,
    );
  }

  #placeOf(slot: number): BlockPart {
    const place = this.#places.get(slot);
    if (place === undefined) throw new TidepoolError("INTERNAL", `List ${slot} of ${this.#owner} has no place.`);
    return place;
  }

  /** Reads what has to be in memory into empty lists; of the rows those that are `present`. Damage rejects with `CORRUPTION`. */
  async open(section: ListsSection, lists: InvertedLists, present: Bitmap, tick: Tick): Promise<void> {
    if (section.version !== LISTS_VERSION) throw this.#damaged(`are of version ${section.version}, which is not known`);
    this.#places = await readDirectory(section, this.#block);
    await this.#openCentroids(section.centroids, lists, tick);
    lists.sealLists();
    for await (const [first, slots] of readMap(section.map, this.#block, tick)) this.#restore(first, slots, lists, present);
    this.#section = section;
  }

  #restore(first: number, slots: Uint32Array, lists: InvertedLists, present: Bitmap): void {
    const astray = lists.restore(first, slots, present);
    if (astray >= 0) throw this.#damaged(`have row ${astray} in list ${slots[astray - first]}, which is not there`);
  }

  readonly #block = async (ref: BlockRef): Promise<Block> => Block.decode(await this.#blocks.readBytes(ref, this.#owner));

  /** Piece by piece: the codes of one are made in one call. */
  async #openCentroids(pieces: readonly BlockRef[], lists: InvertedLists, tick: Tick): Promise<void> {
    const width = lists.coder.paddedDimension;
    const present = Bitmap.of(this.#places.keys());
    for (const [p, piece] of pieces.entries()) {
      const centroids = (await this.#block(piece)).fixedF32("centroid");
      const first = p * centroidSlots(width);
      const count = Math.min(centroidSlots(width), Math.floor(centroids.length / width));
      lists.openLists(first, centroids.subarray(0, count * width), present);
      await tick();
    }
    const [missing] = present.subtract(lists.inUse).values();
    if (missing !== undefined) throw this.#damaged(`have no centroid of list ${missing}`);
  }

  #damaged(what: string): TidepoolError {
    return new TidepoolError("CORRUPTION", `The inverted lists of ${this.#owner} ${what}`);
  }

  // ---- writing

  /** Writes what has changed. What is taken along is read from `source`. */
  async write(written: WrittenLists, lists: InvertedLists, source: ListSource, writer: BlockWriter, tick: Tick): Promise<PreparedLists> {
    const places = new Map(this.#places);
    const packer = new ListPacker(places, writer);
    let isChanged = this.#section === null;
    for await (const [slot, list] of written.changed) {
      isChanged = true;
      await packer.add(slot, list);
    }
    for (const slot of written.retired()) isChanged = places.delete(slot) || isChanged;
    if (isChanged) await this.#evacuate(places, packer, source, tick);
    await packer.finish();
    const blocks = isChanged ? [...new Set([...places.values()].map(({ ref }) => ref))] : this.#section!.blocks;
    const section: ListsSection = {
      version: LISTS_VERSION,
      seed: written.seed,
      blocks,
      directory: isChanged ? await writer.write(encodeDirectory(places, blocks)) : this.#section!.directory,
      centroids: await this.#write(this.#section?.centroids ?? [], centroidPieces(lists, places), writer, tick),
      map: await this.#write(this.#section?.map ?? [], mapPieces(written), writer, tick),
    };
    const install = () => {
      this.#section = section;
      this.#places = places;
    };
    return { section, install };
  }

  /** Takes along what is left in blocks that are mostly out of use. */
  async #evacuate(places: ReadonlyMap<number, BlockPart>, packer: ListPacker, source: ListSource, tick: Tick): Promise<void> {
    const used = new Map<BlockRef, number>();
    for (const { ref, length } of places.values()) used.set(ref, (used.get(ref) ?? 0) + length);
    for (const [slot, place] of [...places]) {
      if (packer.isWritten(slot) || used.get(place.ref)! * 2 >= place.ref.length) continue;
      await packer.add(slot, (await source.read([slot], false))[0]!);
      await tick();
    }
  }

  /** Pieces that say the same as before keep their blocks. */
  async #write(before: readonly BlockRef[], pieces: Iterable<Uint8Array>, writer: BlockWriter, tick: Tick): Promise<BlockRef[]> {
    const refs: BlockRef[] = [];
    for (const bytes of pieces) {
      const old = before[refs.length];
      const isSame = old !== undefined && old.length === bytes.length && old.crc32 === crc32(bytes);
      refs.push(isSame ? old : await writer.write(bytes));
      await tick();
    }
    return refs;
  }
}

/** Gathers lists into blocks, and notes in `places` where they are once their block is written. */
class ListPacker {
  readonly #places: Map<number, BlockPart>;
  readonly #writer: BlockWriter;
  readonly #written = new Set<number>();
  #waiting: [slot: number, list: Uint8Array][] = [];
  #bytes = 0;

  constructor(places: Map<number, BlockPart>, writer: BlockWriter) {
    this.#places = places;
    this.#writer = writer;
  }

  isWritten(slot: number): boolean {
    return this.#written.has(slot);
  }

  async add(slot: number, list: Uint8Array): Promise<void> {
    this.#places.delete(slot);
    this.#written.add(slot);
    this.#waiting.push([slot, list]);
    this.#bytes += list.length;
    if (this.#bytes >= limits.listBlockBytes) await this.finish();
  }

  async finish(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const lists = this.#waiting;
    const values = new Int8Array(this.#bytes);
    let at = 0;
    const starts = lists.map(([, list]) => {
      values.set(list, at);
      at += list.length;
      return at - list.length;
    });
    this.#waiting = [];
    this.#bytes = 0;
    const bytes = encodeBlock([{ type: "fixed-i8", name: "lists", width: values.length, values }], 1);
    const valuesAt = Block.decode(bytes).fixedI8("lists").byteOffset - bytes.byteOffset;
    const ref = await this.#writer.write(bytes);
    lists.forEach(([slot, list], i) => {
      this.#places.set(slot, { ref, start: valuesAt + starts[i]!, length: list.length, crc32: crc32(list) });
    });
  }
}

// ---- blocks

/** Where each list is, by slot. */
export async function readDirectory(section: ListsSection, read: (ref: BlockRef) => Promise<Block>): Promise<Map<number, BlockPart>> {
  const directory = await read(section.directory);
  const [slots, blocks, starts, lengths, checksums] = ["slot", "block", "start", "length", "crc"].map((name) => directory.u32(name));
  const places = new Map<number, BlockPart>();
  for (let i = 0; i < slots!.length; i++) {
    const ref = section.blocks[blocks![i]!];
    if (ref === undefined || starts![i]! + lengths![i]! > ref.length) {
      throw new TidepoolError("CORRUPTION", `The directory of inverted lists has list ${slots![i]} where no block is`);
    }
    places.set(slots![i]!, { ref, start: starts![i]!, length: lengths![i]!, crc32: checksums![i]! });
  }
  return places;
}

/** The slots of rows, a piece after the other, with the ordinal that each piece begins with. */
export async function* readMap(
  pieces: readonly BlockRef[],
  read: (ref: BlockRef) => Promise<Block>,
  tick: Tick,
): AsyncGenerator<[first: number, slots: Uint32Array], void, undefined> {
  for (const [p, piece] of pieces.entries()) {
    yield [p * MAP_PIECE_ORDINALS, (await read(piece)).u32("slot")];
    await tick();
  }
}

function encodeDirectory(places: ReadonlyMap<number, BlockPart>, blocks: readonly BlockRef[]): Uint8Array {
  const numbers = new Map(blocks.map((ref, at) => [ref, at]));
  const slots = [...places.keys()].sort((a, b) => a - b);
  const column = (name: string, of: (place: BlockPart) => number) =>
    ({ type: "u32", name, values: Uint32Array.from(slots, (slot) => of(places.get(slot)!)) }) as const;
  return encodeBlock(
    [
      { type: "u32", name: "slot", values: Uint32Array.from(slots) },
      column("block", ({ ref }) => numbers.get(ref)!),
      column("start", ({ start }) => start),
      column("length", ({ length }) => length),
      column("crc", (place) => place.crc32),
    ],
    slots.length,
  );
}

function centroidSlots(width: number): number {
  return Math.max(1, Math.floor(CENTROID_PIECE_BYTES / (4 * width)));
}

function* centroidPieces(lists: InvertedLists, places: ReadonlyMap<number, BlockPart>): Generator<Uint8Array, void, undefined> {
  const width = lists.coder.paddedDimension;
  const slots = centroidSlots(width);
  for (let first = 0; first < lists.slotEnd; first += slots) {
    const count = Math.min(slots, lists.slotEnd - first);
    const values = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      if (places.has(first + i)) lists.centroids.at(first + i, values.subarray(i * width, (i + 1) * width));
    }
    yield encodeBlock([{ type: "fixed-f32", name: "centroid", width, values }], count);
  }
}

function* mapPieces({ map, ordinalEnd }: WrittenLists): Generator<Uint8Array, void, undefined> {
  for (let first = 0; first < ordinalEnd; first += MAP_PIECE_ORDINALS) {
    const values = map(first, Math.min(ordinalEnd, first + MAP_PIECE_ORDINALS));
    yield encodeBlock([{ type: "u32", name: "slot", values }], values.length);
  }
}
