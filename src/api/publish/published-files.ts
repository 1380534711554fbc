/**
 * The files of a published database in their directory: those that are there, of which blocks are used again, and those that are written.
 * A file is there whole or not at all, and none is changed; one that neither this publication nor the one before names is removed.
 */

import {
  CHUNK_BYTES,
  decodePublication,
  encodePublication,
  MANIFEST_NAME,
  type Publication,
  type PublishedFile,
  refsIn,
} from "../../core/backup/publication.js";
import { crc32 } from "../../core/base/checksum.js";
import { TidepoolError } from "../../core/errors.js";
import type { Extent } from "../../core/storage.js";
import type { PublishDirectory, PublishFile } from "./publish-arguments.js";

type Writable = Awaited<ReturnType<PublishFile["createWritable"]>>;
type Sized = Pick<Extent, "length"> & { crc32: number };

/** A file that is being written, with the sums of its chunks. */
interface OpenFile {
  file: PublishedFile;
  out: Writable;
  sums: number[];
  /** Checksum of the chunk that is not full yet. */
  sum: number;
}

/** Share of a file's bytes that must be of use for any of them to be: files with holes would grow for ever. */
const USEFUL_SHARE = 0.5;

export class PublishedFiles {
  readonly #directory: PublishDirectory;
  readonly #fileBytesMax: number;
  readonly #before: Publication | null;
  /** Places of blocks in the files of the publication before, by length and checksum. */
  readonly #known = new Map<string, { file: string; offset: number }>();
  /** Files of which blocks are used again, and those that were written, in order. */
  readonly files: PublishedFile[] = [];
  bytesWritten = 0;
  #open: OpenFile | null = null;
  #isSwitched = false;

  private constructor(directory: PublishDirectory, fileBytesMax: number, before: Publication | null) {
    this.#directory = directory;
    this.#fileBytesMax = fileBytesMax;
    this.#before = before;
  }

  /** `blocks`: those that are to be published. */
  static async open(directory: PublishDirectory, fileBytesMax: number, blocks: readonly Sized[]): Promise<PublishedFiles> {
    const files = new PublishedFiles(directory, fileBytesMax, await readManifest(directory));
    files.#findKnown(blocks);
    return files;
  }

  #findKnown(blocks: readonly Sized[]): void {
    if (this.#before === null) return;
    const { head, files } = this.#before;
    const wanted = new Set(blocks.map(keyOf));
    const useful = new Map<PublishedFile, Map<string, number>>(files.map((file) => [file, new Map()]));
    for (const ref of refsIn(head)) if (wanted.has(keyOf(ref))) useful.get(files[ref.arena]!)?.set(keyOf(ref), ref.offset);
    for (const [file, offsets] of useful) {
      const bytes = [...offsets.keys()].reduce((sum, key) => sum + Number.parseInt(key, 10), 0);
      if (file.bytes > this.#fileBytesMax || bytes < USEFUL_SHARE * file.bytes) continue;
      for (const [key, offset] of offsets) this.#known.set(key, { file: file.name, offset });
    }
  }

  /** Where the block lies: where it is already, once its bytes were compared, or at the end of what is written. */
  async place(bytes: Uint8Array, sum: number): Promise<Extent> {
    const known = this.#known.get(keyOf({ length: bytes.length, crc32: sum }));
    if (known !== undefined && (await this.#holds(known, bytes))) {
      return { arena: this.#numberOf(known.file), offset: known.offset, length: bytes.length };
    }
    return this.append(bytes);
  }

  async append(bytes: Uint8Array): Promise<Extent> {
    if (this.#open !== null && this.#open.file.bytes + bytes.length > this.#fileBytesMax) await this.#finish();
    const open = (this.#open ??= await this.#begin());
    const { file, out } = open;
    const extent = { arena: this.files.indexOf(file), offset: file.bytes, length: bytes.length };
    sumUp(open, bytes);
    await out.write(bytes as Uint8Array<ArrayBuffer>);
    file.bytes += bytes.length;
    this.bytesWritten += bytes.length;
    return extent;
  }

  /** The publication takes the place of the one before, once all of its files are there. */
  async switchTo(publication: Publication): Promise<number> {
    await this.#finish();
    for (const { name, bytes } of publication.files) {
      const size = await this.#sizeOf(name);
      if (size !== bytes) throw gone(name, `has ${size} bytes instead of ${bytes}`);
    }
    const bytes = encodePublication(publication);
    const handle = await this.#directory.getFileHandle(MANIFEST_NAME, { create: true });
    const out = await handle.createWritable();
    await out.write(bytes);
    await out.close();
    this.#isSwitched = true;
    this.bytesWritten += bytes.length;
    await this.#removeOthers(publication);
    return bytes.length;
  }

  /** Leaves what is published. What cannot be removed now the next publication removes. */
  async giveUp(): Promise<void> {
    if (this.#isSwitched) return;
    await this.#open?.out.abort().catch(() => undefined);
    for (const { name } of this.files) {
      const isOld = this.#before?.files.some((file) => file.name === name);
      if (!isOld) await this.#directory.removeEntry(name).catch(() => undefined);
    }
  }

  #numberOf(name: string): number {
    const at = this.files.findIndex((file) => file.name === name);
    return at >= 0 ? at : this.files.push(this.#before!.files.find((file) => file.name === name)!) - 1;
  }

  async #begin(): Promise<OpenFile> {
    const name = `blocks-${crypto.randomUUID()}.bin`;
    const out = await (await this.#directory.getFileHandle(name, { create: true })).createWritable();
    const file = { name, bytes: 0, sums: "" };
    this.files.push(file);
    return { file, out, sums: [], sum: 0 };
  }

  async #finish(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    if (open.file.bytes % CHUNK_BYTES > 0) open.sums.push(open.sum);
    open.file.sums = base64(Uint32Array.from(open.sums));
    await open.out.close();
    this.#open = null;
  }

  async #holds({ file: name, offset }: { file: string; offset: number }, bytes: Uint8Array): Promise<boolean> {
    try {
      const file = await (await this.#directory.getFileHandle(name)).getFile();
      const found = new Uint8Array(await file.slice(offset, offset + bytes.length).arrayBuffer());
      return found.length === bytes.length && found.every((byte, at) => byte === bytes[at]);
    } catch (error) {
      if ((error as Error).name === "NotFoundError") return false;
      throw error;
    }
  }

  async #sizeOf(name: string): Promise<number> {
    try {
      return (await (await this.#directory.getFileHandle(name)).getFile()).size;
    } catch (cause) {
      throw gone(name, "cannot be read", cause);
    }
  }

  /** Readers of the publication before find its files until the next one. */
  async #removeOthers({ files }: Publication): Promise<void> {
    const named = new Set([...files, ...(this.#before?.files ?? [])].map(({ name }) => name));
    const names: string[] = [];
    for await (const name of this.#directory.keys()) if (/^blocks-[0-9a-f-]{36}\.bin$/.test(name)) names.push(name);
    for (const name of names) if (!named.has(name)) await this.#directory.removeEntry(name).catch(() => undefined);
  }
}

function keyOf({ length, crc32: sum }: Sized): string {
  return `${length}:${sum}`;
}

function sumUp(open: OpenFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const room = CHUNK_BYTES - ((open.file.bytes + at) % CHUNK_BYTES);
    const part = bytes.subarray(at, at + room);
    open.sum = crc32(part, open.sum);
    at += part.length;
    if (part.length < room) return;
    open.sums.push(open.sum);
    open.sum = 0;
  }
}

function base64(sums: Uint32Array): string {
  const view = new DataView(new ArrayBuffer(4 * sums.length));
  sums.forEach((sum, i) => void view.setUint32(4 * i, sum, true));
  return btoa(Array.from(new Uint8Array(view.buffer), (byte) => String.fromCharCode(byte)).join(""));
}

async function readManifest(directory: PublishDirectory): Promise<Publication | null> {
  let bytes: Uint8Array;
  try {
    const file = await (await directory.getFileHandle(MANIFEST_NAME)).getFile();
    bytes = new Uint8Array(await file.slice(0, file.size).arrayBuffer());
  } catch (error) {
    if ((error as Error).name === "NotFoundError") return null;
    throw error;
  }
  const publication = decodePublication(bytes);
  if ("head" in publication) return publication;
  const { what, newer } = publication;
  const message = `${MANIFEST_NAME}, which is in the directory, ${what}: publish into another directory, or remove it`;
  throw new TidepoolError(newer === undefined ? "CORRUPTION" : "FORMAT_TOO_NEW", message);
}

function gone(name: string, what: string, cause?: unknown): TidepoolError {
  return new TidepoolError("CORRUPTION", `The file ${name}, which was just written or found, ${what}. Nothing was published`, { cause });
}
