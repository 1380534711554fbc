/**
 * The journal of a directory: log and catalog as one file that is only appended to, and written anew, without what is dead in it, when
 * that has become the greater part, at the latest when it is closed. Changes are made one after the other; each is a frame, durable
 * before it takes effect.
 *
 * A journal is called `journal-<number>`. A new one is written whole under another name, synced, and only then given its name, which is
 * a higher number; then the old one is removed. So of several the highest is the one that counts, and it is never half there.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { Serial } from "../../core/base/serial.js";
import { TidepoolError } from "../../core/errors.js";
import type { CatalogStore, Durability, LogEntry, LogStore } from "../../core/storage.js";
import { ownBytes } from "../bytes.js";
import { closedError } from "../storage-error.js";
import { DiskHandle, removeFile, syncDirectory } from "./disk-directory.js";
import { onDisk } from "./disk-error.js";
import { type Change, decodeChanges, encodeFrame, encodeJournalHeader, FRAME_HEADER_BYTES, HEADER_BYTES } from "./journal-frame.js";
import { JournalRows, type Place } from "./journal-rows.js";
import { readJournal } from "./read-journal.js";

const namePattern = /^journal-(\d+)$/;
/** The name under which a journal is written before it has one of its own. */
const DRAFT = "journal-draft";
/** Records that lie nearer than that to each other are read at once. */
const GAP_BYTES = 64 * 1024;
/** Bytes of a frame, about, when a journal is written anew. */
const FRAME_BYTES = 1024 * 1024;

export interface JournalOptions {
  durability: Durability;
  /** Told once when the journal cannot be written to any more. */
  lost(error: TidepoolError): void;
  /** Dead bytes from which on a journal is written anew. Tests use small ones. */
  deadBytesMin?: number;
}

/** A journal's file, and how far it has come. */
interface Position {
  number: number;
  file: DiskHandle;
  salt: number;
  /** Where the next frame goes. */
  end: number;
  /** Of the latest frame. */
  frame: number;
  /** The latest frame that is known to be durable. */
  synced: number;
}

/** The numbers of the journals in a directory, ascending. */
export function journalsIn(directory: string): number[] {
  const names = onDisk(`list the directory ${directory}`, () => fs.readdirSync(directory));
  const numbers = names.flatMap((name) => namePattern.exec(name)?.[1] ?? []);
  return numbers.map(Number).sort((a, b) => a - b);
}

export class Journal {
  readonly log: LogStore;
  readonly catalog: CatalogStore;
  readonly #directory: string;
  readonly #options: Required<JournalOptions>;
  readonly #serial = new Serial();
  readonly #rows: JournalRows;
  #position: Position;
  /** Length at which it is next looked at whether it should be written anew. */
  #lookAt = 0;
  #closing: Promise<void> | null = null;
  #failure: TidepoolError | null = null;

  private constructor(directory: string, options: JournalOptions, rows: JournalRows, position: Position) {
    this.#directory = directory;
    this.#options = { deadBytesMin: 4 * 1024 * 1024, ...options };
    this.#rows = rows;
    this.#position = position;
    this.log = {
      append: (entries, tails = new Map(), _ = false, replaces = false) => {
        return this.#change(() => rows.appending(entries, tails, replaces), options.durability === "strict");
      },
      read: (collectionId, after, bytesMax) => this.#whileOpen(() => this.#read(collectionId, after, bytesMax)),
      tail: (collectionId) => this.#whileOpen(() => copyOf(rows.tails.get(collectionId))),
    };
    this.catalog = {
      get: (key) => this.#whileOpen(() => copyOf(rows.catalog.get(key))),
      list: (prefix) => this.#whileOpen(() => this.#list(prefix)),
      commit: (transaction) => this.#change(() => rows.committing(transaction), true),
      rewrite: () => this.#rewrite(),
    };
  }

  /** Opens the journal of a directory, or begins one. */
  static open(directory: string, options: JournalOptions): Journal {
    removeFile(join(directory, DRAFT));
    const numbers = journalsIn(directory);
    const number = numbers.pop() ?? 0;
    for (const older of numbers) removeFile(nameOf(directory, older));
    const rows = new JournalRows();
    if (number === 0) return new Journal(directory, options, rows, publish(directory, 1, draft(directory)));
    const path = nameOf(directory, number);
    const file = new DiskHandle(path);
    try {
      const { salt, end, frame } = readJournal(file, path, rows);
      // What is behind the end was never acknowledged.
      if (end < file.getSize()) file.truncate(end);
      file.flush();
      return new Journal(directory, options, rows, { number, file, salt, end, frame, synced: frame });
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#position.end;
  }

  /** What is under way takes effect first. */
  close(): Promise<void> {
    return (this.#closing ??= this.#serial.run(async () => {
      try {
        // Whoever opens it next reads all of it.
        if (this.#failure === null && this.#isMostlyDead) await this.#writeAnew().catch(() => undefined);
        if (this.#failure === null) await this.#write([{ kind: 7 }], true);
      } finally {
        this.#position.file.close();
      }
    }));
  }

  async #whileOpen<T>(work: () => T): Promise<T> {
    this.#assertOpen();
    return work();
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw closedError();
    if (this.#failure !== null) throw this.#failure;
  }

  #change(changes: () => Change[], strict: boolean): Promise<void> {
    const isClosed = this.#closing !== null;
    return this.#serial.run(async () => {
      if (isClosed) throw closedError();
      if (this.#failure !== null) throw this.#failure;
      await this.#write(changes(), strict);
      if (this.#position.end >= this.#lookAt) void this.#serial.run(() => this.#shorten()).catch(() => undefined);
    });
  }

  /** Nothing of a frame that could not be written stays; where that cannot be made sure of, nothing more is written here. */
  async #write(changes: readonly Change[], strict: boolean): Promise<void> {
    if (changes.length === 0) return;
    const position = this.#position;
    const { file, end, salt, synced } = position;
    const number = position.frame + 1;
    const frame = encodeFrame(changes, number, synced, salt);
    try {
      await file.writeDurably(frame, end, strict);
    } catch (error) {
      this.#takeBack(error as TidepoolError);
      throw error;
    }
    position.frame = number;
    position.end += frame.length;
    if (strict) position.synced = number;
    for (const change of decodeChanges(frame.subarray(FRAME_HEADER_BYTES))) this.#rows.apply(change, end + FRAME_HEADER_BYTES);
  }

  #takeBack(error: TidepoolError): void {
    try {
      this.#position.file.truncate(this.#position.end);
      // What was refused must not come back with the next opening either.
      this.#position.file.flush();
      if (error.code === "QUOTA_EXCEEDED") return;
    } catch {
      // The first failure says what is wrong.
    }
    this.#fail(error);
  }

  /** What the disk has kept of it only recovery can tell. */
  #fail(cause: TidepoolError): void {
    const message = `The journal of ${this.#directory} cannot be written to any more: ${cause.message}`;
    this.#failure = new TidepoolError("POISONED", message, { cause });
    this.#options.lost(this.#failure);
  }

  #list(prefix: string): [string, Uint8Array][] {
    const keys = [...this.#rows.catalog.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => [key, ownBytes(this.#rows.catalog.get(key)!)]);
  }

  #read(collectionId: string, after: number, bytesMax: number): LogEntry[] {
    const places: Place[] = [];
    let bytes = 0;
    for (const place of this.#rows.after(collectionId, after)) {
      bytes += place.length;
      if (places.length > 0 && bytes > bytesMax) break;
      places.push(place);
    }
    return this.#bytesAt(places).map((bytes, i) => ({ collectionId, offset: places[i]!.offset, bytes }));
  }

  /** Those of each place, in order; what lies near to each other is read at once. */
  #bytesAt(places: readonly Place[]): Uint8Array[] {
    const read: Uint8Array[] = [];
    while (read.length < places.length) {
      const from = places[read.length]!;
      let end = from.at + from.length;
      let next = read.length + 1;
      for (; isNear(places[next], end); next++) end = places[next]!.at + places[next]!.length;
      const bytes = this.#readAt(from.at, end - from.at);
      for (const { at, length } of places.slice(read.length, next))
        read.push(ownBytes(bytes.subarray(at - from.at, at - from.at + length)));
    }
    return read;
  }

  #readAt(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const read = this.#position.file.read(bytes, { at });
    if (read === length) return bytes;
    throw new TidepoolError("CORRUPTION", `The journal of ${this.#directory} ends too early: at ${at} it has ${read} of ${length} bytes`);
  }

  /** Writes the journal anew where most of it is dead. On a full disk it stays as it is until more of it is. */
  async #shorten(): Promise<void> {
    if (this.#closing !== null || this.#failure !== null) return;
    const isDue = this.#isMostlyDead;
    this.#lookAt = this.#position.end + Math.max(this.#options.deadBytesMin, this.#rows.bytes);
    if (isDue) await this.#writeAnew().catch(() => undefined);
  }

  get #isMostlyDead(): boolean {
    return this.#position.end > 2 * this.#rows.bytes + this.#options.deadBytesMin;
  }

  /** Nothing that stood in the journal before, and does not count any more, stands in it then. */
  #rewrite(): Promise<void> {
    return this.#serial.run(() => {
      this.#assertOpen();
      return this.#writeAnew();
    });
  }

  async #writeAnew(): Promise<void> {
    const old = this.#position;
    const rows = new JournalRows();
    const next = draft(this.#directory);
    try {
      for (const changes of this.#everything()) {
        const frame = encodeFrame(changes, ++next.frame, 0, next.salt);
        await next.file.writeDurably(frame, next.end, false);
        for (const change of decodeChanges(frame.subarray(FRAME_HEADER_BYTES))) rows.apply(change, next.end + FRAME_HEADER_BYTES);
        next.end += frame.length;
      }
      this.#position = publish(this.#directory, old.number + 1, next);
    } catch (error) {
      next.file.close();
      removeFile(join(this.#directory, DRAFT));
      // Whoever opens the directory next reads the new one where it has its name: nothing may be written to this one any more.
      const isNamed = fs.existsSync(nameOf(this.#directory, old.number + 1));
      if (error instanceof TidepoolError && (isNamed || error.code !== "QUOTA_EXCEEDED")) this.#fail(error);
      throw error;
    }
    this.#rows.log.clear();
    for (const [key, places] of rows.log) this.#rows.log.set(key, places);
    this.#lookAt = this.#position.end + this.#options.deadBytesMin;
    old.file.close();
    removeFile(nameOf(this.#directory, old.number));
  }

  /** All that counts, as changes, in frames. */
  *#everything(): Iterable<Change[]> {
    let changes: Change[] = [];
    let bytes = 0;
    for (const change of this.#changesOfAll()) {
      changes.push(change);
      bytes += "bytes" in change ? change.bytes.length : 0;
      if (bytes < FRAME_BYTES) continue;
      yield changes;
      [changes, bytes] = [[], 0];
    }
    if (changes.length > 0) yield changes;
  }

  *#changesOfAll(): Iterable<Change> {
    for (const [key, bytes] of this.#rows.catalog) yield { kind: 3, key, bytes };
    for (const [key, bytes] of this.#rows.tails) yield { kind: 2, key, bytes };
    for (const [key, places] of this.#rows.log) {
      for (const { offset, at, length } of places) yield { kind: 1, key, offset, bytes: this.#readAt(at, length) };
    }
  }
}

function copyOf(bytes: Uint8Array | undefined): Uint8Array | null {
  return bytes === undefined ? null : ownBytes(bytes);
}

function isNear(place: Place | undefined, end: number): boolean {
  return place !== undefined && place.at >= end && place.at - end <= GAP_BYTES;
}

function nameOf(directory: string, number: number): string {
  return join(directory, `journal-${number}`);
}

/** An empty journal that has no number yet. */
function draft(directory: string): Position {
  const path = join(directory, DRAFT);
  onDisk(`create the file ${path}`, () => fs.closeSync(fs.openSync(path, "w")));
  const file = new DiskHandle(path);
  const salt = randomBytes(4).readUInt32LE();
  file.write(encodeJournalHeader(salt), { at: 0 });
  return { number: 0, file, salt, end: HEADER_BYTES, frame: 0, synced: 0 };
}

/** Makes it durable, and then the journal of this number. */
function publish(directory: string, number: number, drafted: Position): Position {
  drafted.file.flush();
  onDisk(`name the journal of ${directory}`, () => fs.renameSync(join(directory, DRAFT), nameOf(directory, number)));
  syncDirectory(directory);
  return { ...drafted, number, synced: drafted.frame };
}
