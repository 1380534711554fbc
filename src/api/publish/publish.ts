/**
 * `client.publish`: a backup of the database as files that can be read where they lie. All collections are compacted first, so that what
 * is in memory only is what was written since. Loaded when it is first called.
 */
import { type BackupHead, PartReader } from "../../core/backup/backup-file.js";
import { type Publication, type PublishedEntry, refsIn } from "../../core/backup/publication.js";
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateAtLeast, validateFunction } from "../../core/gateway/validate/values.js";
import type { PublishedBlock } from "../../core/service.js";
import type { Extent } from "../../core/storage.js";
import { readCallLimits } from "../call-limits.js";
import type { Connection } from "../connection.js";
import { readArguments, readObject } from "../read-arguments.js";
import type { PublishDirectory, PublishOptions, PublishReport } from "./publish-arguments.js";
import { PublishedFiles } from "./published-files.js";

const MiB = 1024 * 1024;
const FILE_BYTES_MIN = MiB;
/** What lies so near is read along. */
const OPENING_GAP_BYTES = MiB / 16;

/** @internal */
export async function publish(connection: Connection, directory: PublishDirectory, options: PublishOptions): Promise<PublishReport> {
  const { fileBytesMax, onProgress, signal } = readArguments("publish", () => readOptions(directory, options));
  if (connection.remote) throw new TidepoolError("NOT_SUPPORTED", "No Chroma server has publish", { details: { call: "publish" } });
  for (let after: number | null = 0; after !== null; ) {
    ({ after } = await connection.call("vacuum", { erase: false, after }, { signal }));
  }
  const begun = await connection.call("beginBackup", { versions: false, publishes: true }, { signal });
  const { snapshot, bytes: totalBytes } = begun;
  try {
    const files = await PublishedFiles.open(
      directory,
      fileBytesMax,
      begun.blocks!.map(({ ref }) => ref),
    );
    const writing = new Writing(begun.blocks!, files, (bytes) => onProgress?.({ bytes, totalBytes }));
    try {
      for (let at = 0; ; at++) {
        const { bytes } = await connection.call("readBackup", { snapshot, at }, { signal });
        if (bytes === null) return await writing.end();
        await writing.take(bytes);
      }
    } catch (error) {
      await files.giveUp();
      throw error;
    }
  } finally {
    // Where that fails the engine has gone, and what it kept with it, or it lets go by itself after a while.
    await connection.call("endBackup", { snapshot }).catch(() => undefined);
  }
}

function readOptions(directory: PublishDirectory, options: PublishOptions) {
  const isDirectory = (["getFileHandle", "removeEntry", "keys"] as const).every((name) => typeof directory?.[name] === "function");
  if (!isDirectory) throw invalidArgument(`directory must be a FileSystemDirectoryHandle, got ${show(directory)}`);
  const { fileBytesMax = 1024 * MiB, onProgress, ...given } = readObject(options, "publish", "fileBytesMax signal onProgress");
  validateAtLeast(fileBytesMax, FILE_BYTES_MIN, "fileBytesMax");
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return { fileBytesMax, onProgress, signal: readCallLimits(given).signal };
}

/** A publication that is being written. */
class Writing {
  readonly #reader = new PartReader();
  readonly #blocks: readonly PublishedBlock[];
  readonly #files: PublishedFiles;
  readonly #told: (bytes: number) => void;
  readonly #places: Extent[] = [];
  readonly #entries: PublishedEntry[] = [];
  #head: BackupHead | null = null;
  #isSealed = false;
  #bytes = 0;

  constructor(blocks: readonly PublishedBlock[], files: PublishedFiles, told: (bytes: number) => void) {
    this.#blocks = blocks;
    this.#files = files;
    this.#told = told;
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#reader.push(bytes);
    for (let part = this.#reader.next(); part !== null; part = this.#reader.next()) {
      const { kind, payload } = part;
      if (kind === "head") this.#head = JSON.parse(new TextDecoder().decode(payload)) as BackupHead;
      else if (kind === "block") await this.#takeBlock(payload);
      else if (kind === "entries") await this.#takeEntries(payload);
      else this.#isSealed = true;
    }
    this.#told(this.#bytes);
  }

  async #takeBlock(bytes: Uint8Array): Promise<void> {
    const { ref } = this.#blocks[this.#places.length]!;
    this.#places.push(await this.#files.place(bytes, ref.crc32));
    this.#bytes += bytes.length;
  }

  /** A log record, behind the number of its collection. */
  async #takeEntries(payload: Uint8Array): Promise<void> {
    const collection = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    this.#entries.push({ collection, extent: await this.#files.append(payload.slice(4)) });
  }

  async end(): Promise<PublishReport> {
    const head = this.#head;
    if (head === null || !this.#isSealed || this.#places.length !== this.#blocks.length) {
      throw new TidepoolError("INTERNAL", "The engine has not given all of the database. Nothing was published");
    }
    this.#moveAll(head);
    const { files } = this.#files;
    const id = crypto.randomUUID();
    const publication: Publication = { id, head, files, entries: this.#entries, opening: this.#opening() };
    const manifestBytes = await this.#files.switchTo(publication);
    return {
      id,
      collections: head.collections.length,
      records: head.collections.reduce((sum, { count }) => sum + count, 0),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, manifestBytes),
      bytesWritten: this.#files.bytesWritten,
      files: [...files.map(({ name }) => name), "tidepool.json"],
    };
  }

  #moveAll(head: BackupHead): void {
    const places = new Map(this.#blocks.map(({ ref }, i) => [`${ref.arena}:${ref.offset}`, this.#places[i]!]));
    for (const ref of refsIn(head)) Object.assign(ref, places.get(`${ref.arena}:${ref.offset}`));
  }

  /** Neighbours as one. */
  #opening(): Extent[] {
    const all = this.#places.filter((_, i) => this.#blocks[i]!.opens).sort((a, b) => a.arena - b.arena || a.offset - b.offset);
    const joined: Extent[] = [];
    for (const { arena, offset, length } of all) {
      const last = joined.at(-1);
      const gap = last?.arena === arena ? offset - last.offset - last.length : Infinity;
      if (gap > OPENING_GAP_BYTES) joined.push({ arena, offset, length });
      else last!.length = Math.max(last!.length, offset + length - last!.offset);
    }
    return joined;
  }
}
