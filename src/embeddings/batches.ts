/** Texts on their way to a provider: identical ones once, as many to a request as it takes, some requests at once. */
import type { GenerateOptions } from "../api/embedding-function.js";

/** What one request takes. */
export interface RequestLimits {
  texts: number;
  /** Of all texts together, at three bytes of UTF-8 each, which counts too many rather than too few. */
  tokens?: number;
}

const BYTES_PER_TOKEN = 3;
const CONCURRENCY = 2;

/** How texts go to a provider. */
interface Way extends GenerateOptions {
  limits: RequestLimits;
  /** Requests under way at once. Default 2. */
  concurrency: number | undefined;
}

/** One vector per text, in order, of what `ask` answers to distinct texts. The first request that fails ends the others. */
export async function embedDistinct<V>(
  texts: readonly string[],
  { limits, concurrency = CONCURRENCY, signal, onProgress }: Way,
  ask: (batch: readonly string[], stop: AbortSignal) => Promise<V[]>,
): Promise<V[]> {
  const distinct = [...new Set(texts)];
  const onDone = (embedded: number) => onProgress?.({ embedded, total: distinct.length });
  const vectors = await inLanes(batchesOf(distinct, limits), concurrency, signal, ask, onDone);
  const byText = new Map(distinct.map((text, i) => [text, vectors[i]!]));
  return texts.map((text) => byText.get(text)!);
}

/** In order, each as large as the limits allow; a text that is larger than they are goes alone, for the provider to judge. */
export function batchesOf(texts: readonly string[], { texts: textsMax, tokens: tokensMax = Infinity }: RequestLimits): string[][] {
  const encoder = new TextEncoder();
  const batches: string[][] = [];
  let tokens = 0;
  for (const text of texts) {
    const size = tokensMax === Infinity ? 0 : encoder.encode(text).length / BYTES_PER_TOKEN;
    const batch = batches.at(-1);
    if (batch === undefined || batch.length >= textsMax || tokens + size > tokensMax) {
      batches.push([text]);
      tokens = size;
    } else {
      batch.push(text);
      tokens += size;
    }
  }
  return batches;
}

/** Does so many batches at once; the first that fails ends the others. */
async function inLanes<T>(
  batches: readonly string[][],
  lanes: number,
  signal: AbortSignal | undefined,
  work: (batch: readonly string[], stop: AbortSignal) => Promise<T[]>,
  onDone: (texts: number) => void,
): Promise<T[]> {
  // It may have fired while the key was fetched, and fires once only.
  signal?.throwIfAborted();
  const results: T[][] = [];
  const stop = new AbortController();
  const abort = () => stop.abort(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (next < batches.length) {
      const at = next++;
      results[at] = await work(batches[at]!, stop.signal);
      onDone((done += batches[at]!.length));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(lanes, batches.length) }, lane));
    return results.flat();
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
