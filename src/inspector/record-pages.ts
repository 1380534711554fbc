/**
 * The records of a collection that a table shows, read page by page as it scrolls. It holds at most `PAGES_MAX` pages, whatever the
 * collection's size. After a change what is there stays in sight until it is read again.
 */
import type { Collection, CollectionVersion } from "../api/collection.js";
import type { GetRow } from "../api/results.js";
import type { OrderBy } from "../core/service.js";
import type { Where, WhereDocument } from "../core/types.js";

/** What reads: the collection as it is, or as it was. */
export type Readable = Collection | CollectionVersion;

/** What selects and orders the records. */
export interface Selection {
  where?: Where | undefined;
  whereDocument?: WhereDocument | undefined;
  orderBy?: OrderBy | undefined;
}

interface RecordPage {
  rows: readonly GetRow[];
  /** The change after which it was read. */
  round: number;
}

const PAGE_RECORDS = 64;
const PAGES_MAX = 40;

export class RecordPages {
  /** How many records there are, `null` until that is known. */
  total: number | null = null;
  error: unknown = null;
  readonly #source: Readable;
  readonly #selection: Selection;
  readonly #onChange: () => void;
  /** The longest unused first. */
  readonly #pages = new Map<number, RecordPage>();
  readonly #asked = new Set<number>();
  #round = 0;
  #isClosed = false;

  constructor(source: Readable, selection: Selection, onChange: () => void) {
    this.#source = source;
    this.#selection = selection;
    this.#onChange = onChange;
  }

  /** Of a record: `undefined` while it is on its way. */
  row(index: number): GetRow | undefined {
    const number = Math.floor(index / PAGE_RECORDS);
    const page = this.#pages.get(number);
    if (page?.round !== this.#round) void this.#read(number);
    return page?.rows[index % PAGE_RECORDS];
  }

  /** Those that are there. */
  loaded(): GetRow[] {
    return [...this.#pages.values()].flatMap(({ rows }) => rows);
  }

  /** The records were changed, or are to be counted for the first time. */
  async refresh(): Promise<void> {
    const round = ++this.#round;
    this.#asked.clear();
    const { where, whereDocument } = this.#selection;
    await this.#settle(this.#source.count({ where, whereDocument }), round, (total) => (this.total = total));
  }

  /** Nothing is told any more. */
  close(): void {
    this.#isClosed = true;
  }

  async #read(number: number): Promise<void> {
    const round = this.#round;
    if (this.#asked.has(number) || this.#isClosed) return;
    this.#asked.add(number);
    const page = { limit: PAGE_RECORDS, offset: number * PAGE_RECORDS };
    const records = this.#source.get({ ...this.#selection, ...page, include: ["documents", "metadatas", "uris"] });
    await this.#settle(records, round, (result) => this.#keep(number, { rows: result.rows(), round }));
    if (round === this.#round) this.#asked.delete(number);
  }

  #keep(number: number, page: RecordPage): void {
    this.#pages.delete(number);
    this.#pages.set(number, page);
    for (const oldest of [...this.#pages.keys()].slice(0, -PAGES_MAX)) this.#pages.delete(oldest);
  }

  /** An answer to a question from before the latest change is dropped. */
  async #settle<T>(answer: Promise<T>, round: number, take: (value: T) => void): Promise<void> {
    try {
      const value = await answer;
      if (round !== this.#round) return;
      take(value);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    if (!this.#isClosed) this.#onChange();
  }
}
