/** Pages of records, cut and laid beside each other. */
import type { RecordColumns } from "../../core/types.js";

type Pages = AsyncGenerator<RecordColumns, void, undefined>;

/** The records of a page from `start` to `end`. */
export function sliceRecords(page: RecordColumns, start: number, end: number): RecordColumns {
  if (start === 0 && end >= page.ids.length) return page;
  const { dimension = 0, values } = page.embeddings ?? {};
  return {
    ids: page.ids.slice(start, end),
    documents: page.documents?.slice(start, end) ?? null,
    metadatas: page.metadatas?.slice(start, end) ?? null,
    uris: page.uris?.slice(start, end) ?? null,
    embeddings: values === undefined ? null : { dimension, values: values.subarray(start * dimension, end * dimension) },
  };
}

/** Both in parts of the same number of records; what one has more comes last, beside nothing. */
export async function* besideEachOther(one: Pages, other: Pages): AsyncGenerator<[RecordColumns, RecordColumns], void, undefined> {
  const [a, b] = [new Rest(one), new Rest(other)];
  try {
    for (;;) {
      const count = Math.min(await a.ready(), await b.ready());
      if (count === 0) break;
      yield [a.take(count), b.take(count)];
    }
    if ((await a.ready()) + (await b.ready()) > 0) yield [a.take(Infinity), b.take(Infinity)];
  } finally {
    await Promise.all([one.return(), other.return()]);
  }
}

const NOTHING: RecordColumns = { ids: [], documents: null, metadatas: null, uris: null, embeddings: null };

/** What is left of a page. */
class Rest {
  readonly #pages: Pages;
  #page = NOTHING;

  constructor(pages: Pages) {
    this.#pages = pages;
  }

  /** Records that can be taken; 0 at the end. */
  async ready(): Promise<number> {
    while (this.#page.ids.length === 0) {
      const { value, done } = await this.#pages.next();
      if (done || value === undefined) return 0;
      this.#page = value;
    }
    return this.#page.ids.length;
  }

  take(count: number): RecordColumns {
    const page = this.#page;
    this.#page = sliceRecords(page, count, page.ids.length);
    return sliceRecords(page, 0, count);
  }
}
