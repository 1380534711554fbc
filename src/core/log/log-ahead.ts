/**
 * The entries of a collection's log, page after page. Some pages are read ahead while others are decoded and applied, or while
 * the collection's parts are opened: what applies them keeps their bytes, so what waits here takes no memory of its own for long.
 */
import type { LogEntry } from "../storage.js";

export class LogAhead {
  readonly #read: (after: number) => Promise<LogEntry[]>;
  readonly #bytesMax: number;
  readonly #pages: LogEntry[][] = [];
  #bytes = 0;
  #last: number;
  #reading: Promise<void> | null = null;
  #isOver = false;
  #failure: unknown = null;

  /** `bytesMax`: bytes that wait, from which on no further page is read. */
  constructor(read: (after: number) => Promise<LogEntry[]>, after: number, bytesMax: number) {
    this.#read = read;
    this.#last = after;
    this.#bytesMax = bytesMax;
  }

  /** The next page; without an entry at the end of the log. */
  async next(): Promise<LogEntry[]> {
    this.#fill();
    while (this.#pages.length === 0 && this.#reading !== null) await this.#reading;
    const page = this.#pages.shift();
    if (page === undefined && this.#failure !== null) throw this.#failure;
    this.#bytes -= bytesOf(page ?? []);
    this.#fill();
    return page ?? [];
  }

  /** Reads nothing more. */
  end(): void {
    this.#isOver = true;
  }

  #fill(): void {
    if (this.#reading !== null || this.#isOver || this.#bytes >= this.#bytesMax) return;
    this.#reading = this.#readPage().finally(() => {
      this.#reading = null;
      this.#fill();
    });
  }

  async #readPage(): Promise<void> {
    try {
      const page = await this.#read(this.#last);
      this.#isOver ||= page.length === 0;
      if (page.length === 0) return;
      this.#pages.push(page);
      this.#bytes += bytesOf(page);
      this.#last = page.at(-1)!.offset;
    } catch (error) {
      this.#isOver = true;
      this.#failure = error;
    }
  }
}

function bytesOf(page: readonly LogEntry[]): number {
  return page.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
