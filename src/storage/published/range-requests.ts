/**
 * Requests for parts of files by HTTP ranges. What is asked for at once goes in one request of several ranges where the host answers
 * those, which the first such request tells; elsewhere in one request each, side by side. A request that fails for want of a
 * connection, or since the host is busy, is tried again after a while.
 */
import type { PublishedSource } from "../../core/service.js";
import type { PublishedTools } from "./published-tools.js";

/** Bytes of a file from `from` up to but without `to`. */
export interface FileRange {
  from: number;
  to: number;
}

const TRIES = 4;
const DELAY_MS = 100;
const RETRY_AFTER_MAX_MS = 10_000;
/** Without a byte for so long, a request is given up. */
const SILENCE_MS = 30_000;
const RANGES_PER_REQUEST = 64;
/** Browsers let six of a host pass over HTTP/1.1, and all over HTTP/2 and 3: then they take the time of one. */
const REQUESTS_AT_ONCE = 32;

/** A host that may answer better another time. */
class Unanswered extends Error {
  constructor(
    message: string,
    readonly retryAfterMs: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A response, and the watch over its silence. */
interface Answer {
  response: Response;
  /** To be told with every piece that comes; `null` at the end. */
  heard(isOver?: boolean): void;
}

export class RangeRequests {
  readonly #source: PublishedSource;
  readonly #tools: PublishedTools;
  /** Of each request under way: what ends it. */
  readonly #underWay = new Set<AbortController>();
  #isEnded = false;
  #hasSeveral: boolean | null = null;

  constructor(source: PublishedSource, tools: PublishedTools) {
    this.#source = source;
    this.#tools = tools;
  }

  /** Whether ranges are cheap because many go in one request, as far as it is known. */
  get hasSeveral(): boolean {
    return this.#hasSeveral !== false;
  }

  /** Ends all that is under way. */
  end(): void {
    this.#isEnded = true;
    for (const request of this.#underWay) request.abort();
  }

  /** A file that may change, as it is now. */
  whole(name: string, tries = TRIES): Promise<Uint8Array> {
    return this.#tried(name, async () => {
      const answer = await this.#ask(name, {}, "no-cache");
      if (answer.response.status !== 200) throw await this.#refusal(name, answer);
      return bodyOf(answer);
    }, tries); // biome-ignore format: one line
  }

  /** The bytes of each range, in order. `isAnew`: past what caches have. */
  async read(name: string, ranges: readonly FileRange[], isAnew = false): Promise<Uint8Array[]> {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < ranges.length; at += RANGES_PER_REQUEST) {
      parts.push(...(await this.#some(name, ranges.slice(at, at + RANGES_PER_REQUEST), isAnew)));
    }
    return parts;
  }

  async #some(name: string, ranges: readonly FileRange[], isAnew: boolean): Promise<Uint8Array[]> {
    if (ranges.length > 1 && this.#hasSeveral !== false) {
      const parts = await this.#several(name, ranges, isAnew);
      if (parts !== null) return parts;
    }
    const parts = new Array<Uint8Array>(ranges.length);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < ranges.length) {
        const at = next++;
        parts[at] = await this.#one(name, ranges[at]!, isAnew);
      }
    };
    await Promise.all(Array.from({ length: Math.min(REQUESTS_AT_ONCE, ranges.length) }, work));
    // Several at once could not be asked for, although the host is there.
    if (ranges.length > 1) this.#hasSeveral ??= false;
    return parts;
  }

  #one(name: string, range: FileRange, isAnew: boolean): Promise<Uint8Array> {
    return this.#tried(name, async () => {
      const answer = await this.#partial(name, [range], isAnew);
      const bytes = await bodyOf(answer);
      if (bytes.length === range.to - range.from) return bytes;
      throw this.#tools.error("CORRUPTION", `${this.#urlOf(name)} has answered ${bytes.length} bytes for ${rangesText([range])}`);
    });
  }

  /** The bytes from `from` on, as they come; `null` at the end, which may come too early. */
  stream(name: string, range: FileRange): Promise<{ next(): Promise<Uint8Array | null>; cancel(): void }> {
    return this.#tried(name, async () => {
      const answer = await this.#partial(name, [range], false);
      const reader = answer.response.body!.getReader();
      // Whoever reads may take their time.
      answer.heard(true);
      const next = async (): Promise<Uint8Array | null> => {
        answer.heard();
        const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
        answer.heard(true);
        return done ? null : value!;
      };
      return { next, cancel: () => void reader.cancel().catch(() => undefined) };
    });
  }

  /** `null` where the host does not answer several ranges at once. */
  async #several(name: string, ranges: readonly FileRange[], isAnew: boolean): Promise<Uint8Array[] | null> {
    const first = this.#hasSeveral === null;
    try {
      const parts = await this.#tried(name, async () => {
        const answer = await this.#ask(name, { range: rangesText(ranges) }, isAnew ? "reload" : "default");
        const { response } = answer;
        const type = response.headers.get("content-type") ?? "";
        if (response.status === 206 && /^multipart\/byteranges/i.test(type)) return partsOf(await bodyOf(answer), ranges);
        if ([200, 206, 400, 416, 501].includes(response.status)) return discard(answer);
        throw await this.#refusal(name, answer);
      }, first ? 1 : TRIES); // biome-ignore format: one line
      this.#hasSeveral = parts !== null;
      return parts;
    } catch (error) {
      // A host elsewhere may allow a page one range, and not ask for leave to send several.
      if (!first || (error as { code?: string }).code !== "CONNECTION_LOST") throw error;
      return null;
    }
  }

  async #partial(name: string, ranges: readonly FileRange[], isAnew: boolean): Promise<Answer> {
    const answer = await this.#ask(name, { range: rangesText(ranges) }, isAnew ? "reload" : "default");
    if (answer.response.status !== 206) throw await this.#refusal(name, answer);
    return answer;
  }

  async #ask(name: string, headers: Record<string, string>, cache: RequestCache): Promise<Answer> {
    const request = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const heard = (isOver = false): void => {
      clearTimeout(timer);
      if (isOver) this.#underWay.delete(request);
      else timer = setTimeout(() => request.abort(), SILENCE_MS);
    };
    this.#underWay.add(request);
    heard();
    try {
      const init = { headers: { ...this.#source.headers, ...headers }, cache, signal: request.signal };
      const response = await fetch(this.#urlOf(name), init);
      return { response, heard };
    } catch (cause) {
      heard(true);
      throw new Unanswered("cannot be reached (offline, or the host does not let this page read it)", 0, { cause });
    }
  }

  /** What is wrong with an answer. */
  async #refusal(name: string, answer: Answer): Promise<Error> {
    const { response } = answer;
    const { status } = response;
    const retryAfter = Number(response.headers.get("retry-after"));
    discard(answer);
    if (status === 429 || status >= 500)
      return new Unanswered(`has answered ${status}`, Math.min(1000 * retryAfter || 0, RETRY_AFTER_MAX_MS));
    const url = this.#urlOf(name);
    const details = { url, status };
    if (status === 404 || status === 410) return this.#tools.error("NOT_FOUND", `There is nothing at ${url}`, { details });
    if (status === 200) {
      return this.#tools.error(
        "NOT_SUPPORTED",
        `The host of ${url} does not answer range requests, without which a published database cannot be read in parts`,
        { details },
      );
    }
    if (status === 416) return this.#tools.error("CORRUPTION", `${url} is shorter than its manifest tells`, { details });
    return this.#tools.error("SERVER_ERROR", `The host of ${url} has answered ${status}`, { details });
  }

  async #tried<T>(name: string, work: () => Promise<T>, tries = TRIES): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (this.#isEnded) throw this.#tools.error("CLOSED", "The published database is closed");
        const isOffline = (globalThis.navigator as Navigator | undefined)?.onLine === false;
        if (attempt >= tries || isOffline) throw this.lost(name, error.message, error.cause);
        const delayMs = error.retryAfterMs || DELAY_MS * 2 ** attempt * (0.5 + Math.random());
        await new Promise((resolve) => setTimeout(resolve, delayMs));
      }
    }
  }

  /** Of a host that has not answered, or not to the end. */
  lost(name: string, what: string, cause?: unknown): Error {
    const url = this.#urlOf(name);
    return this.#tools.error("CONNECTION_LOST", `${url} ${what}`, { cause, details: { url } });
  }

  #urlOf(name: string): string {
    const url = new URL(this.#source.url);
    url.pathname = `${url.pathname.replace(/\/*$/, "")}/${name}`;
    return url.href;
  }
}

function rangesText(ranges: readonly FileRange[]): string {
  return `bytes=${ranges.map(({ from, to }) => `${from}-${to - 1}`).join(",")}`;
}

async function bodyOf(answer: Answer): Promise<Uint8Array> {
  try {
    return joined(await piecesOf(answer));
  } catch (cause) {
    throw new Unanswered("has broken off its answer", 0, { cause });
  } finally {
    answer.heard(true);
  }
}

async function piecesOf({ response, heard }: Answer): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  const reader = response.body?.getReader();
  for (let piece = await reader?.read(); piece !== undefined && !piece.done; piece = await reader!.read()) {
    heard();
    pieces.push(piece.value);
  }
  return pieces;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Reads nothing more of it. */
function discard({ response, heard }: Answer): null {
  heard(true);
  void response.body?.cancel().catch(() => undefined);
  return null;
}

/** The parts of a body of type multipart/byteranges: each tells where it belongs, and hosts may join such as are near. */
function partsOf(body: Uint8Array, ranges: readonly FileRange[]): Uint8Array[] | null {
  const parts: { from: number; bytes: Uint8Array }[] = [];
  for (let at = 0; ; ) {
    const end = endOfHead(body, at);
    if (end < 0) break;
    const [, from, last] = /^content-range:\s*bytes (\d+)-(\d+)\//im.exec(new TextDecoder().decode(body.subarray(at, end))) ?? [];
    if (from === undefined) return null;
    at = end + Number(last) - Number(from) + 1;
    parts.push({ from: Number(from), bytes: body.subarray(end, at) });
  }
  const found = ranges.map(({ from, to }) => {
    const part = parts.find((one) => one.from <= from && to <= one.from + one.bytes.length);
    return part?.bytes.subarray(from - part.from, to - part.from);
  });
  return found.every((bytes) => bytes !== undefined) ? found : null;
}

/** Where the empty line ends that follows a part's head; -1 where there is no part any more. */
function endOfHead(body: Uint8Array, from: number): number {
  for (let at = from; at + 3 < body.length; at++) {
    if (body[at] === 13 && body[at + 1] === 10 && body[at + 2] === 13 && body[at + 3] === 10) return at + 4;
  }
  return -1;
}
