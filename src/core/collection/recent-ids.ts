/**
 * Which ids the latest records of a collection's log are about: what tells whether something that was read has been written since.
 *
 * A read is of the moment that its *token* names, the offset that the next log record will get: it sees the records below it. The
 * records from a token on are known here while the collection stays open, but for the oldest where they name more than
 * `limits.recentIdsMax` ids or take more than `limits.recentIdBytesMax`. Known, too, are those that are not compacted: a collection
 * may have been opened anew since the token. Before there is a token, nobody asks for what is compacted, so it is forgotten. A token
 * of which not all is known is stale. So is every one that was given out before a repair, which leaves offsets out: nobody knows all
 * that is lost by one.
 */
import { invalidArgument, show, TidepoolError } from "../errors.js";
import { limits } from "../limits.js";

export class RecentIds {
  /** By offset, without gaps. */
  readonly #records = new Map<number, readonly string[]>();
  /** The last offset whose record is not known. */
  #floor: number;
  #count = 0;
  #bytes = 0;
  #isAskedFor = false;

  /** Nothing is known of the records up to this offset. */
  constructor(floor: number) {
    this.#floor = floor;
  }

  /** At most about how many bytes of memory they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes the ids of the next log record. */
  note(offset: number, ids: readonly string[]): void {
    if (ids.length > limits.recentIdsMax) return this.#forgetAll(offset);
    this.#records.set(offset, ids);
    this.#count += ids.length;
    this.#bytes += bytesOf(ids);
    while (this.#count > limits.recentIdsMax || this.#bytes > limits.recentIdBytesMax) this.#forgetOldest();
  }

  #forgetAll(upTo: number): void {
    this.#records.clear();
    this.#floor = upTo;
    this.#count = this.#bytes = 0;
  }

  /** The token of a read of now. */
  take(): number {
    this.#isAskedFor = true;
    return this.#next;
  }

  get #next(): number {
    return this.#floor + this.#records.size + 1;
  }

  /** The records up to this offset are compacted. */
  compacted(offset: number): void {
    while (!this.#isAskedFor && this.#floor < offset) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const ids = this.#records.get(++this.#floor)!;
    this.#records.delete(this.#floor);
    this.#count -= ids.length;
    this.#bytes -= bytesOf(ids);
  }

  /** One of these ids that a log record from the token on names, or any that one names; `null`: none. A token that is stale is refused. */
  namedSince(token: number, ids: ReadonlySet<string> | null): string | null {
    const next = this.take();
    if (token > next)
      throw invalidArgument(`readToken must be one that a conditional get answered with: ${token} is beyond the log's ${next}`);
    if (token <= this.#floor)
      throw staleRead("too much was written since, or the collection was opened anew or repaired, so it is not known what");
    for (let offset = token; offset < next; offset++) {
      const named = this.#records.get(offset)!.find((id) => ids === null || ids.has(id));
      if (named !== undefined) return named;
    }
    return null;
  }

  /** The ids that log records from the token on name; `null`: not all of them are known. */
  since(token: number): string[] | null {
    const next = this.take();
    if (token <= this.#floor || token > next) return null;
    const ids = new Set<string>();
    for (let offset = token; offset < next; offset++) for (const id of this.#records.get(offset)!) ids.add(id);
    return [...ids];
  }

  /** Throws `STALE_READ` unless the records with these ids, or all, are as they were at the token. */
  checkReadable(token: number, ids: ReadonlySet<string> | null): void {
    const named = this.namedSince(token, ids);
    if (named !== null) throw staleRead(`the record ${show(named)} was written since its first read`);
  }
}

/** Ids of two bytes a character, each a string that nothing else may hold, and what the record takes here. */
function bytesOf(ids: readonly string[]): number {
  return ids.reduce((bytes, id) => bytes + 24 + 2 * id.length, 64);
}

/** What a transaction read can no longer be read, or be relied on. */
function staleRead(why: string): TidepoolError {
  return new TidepoolError("STALE_READ", `What this transaction has read is stale: ${why}. Run it again.`);
}
