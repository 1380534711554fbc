/** Gives way to the page during long work on it. */

const sliceMs = 6;

/**
 * Returns a function to await often; it really gives way only when a slice of time is used up, and throws the signal's
 * reason when that was aborted meanwhile.
 */
export function breather(signal?: AbortSignal): () => Promise<void> | void {
  let started = performance.now();
  return () => {
    if (performance.now() - started < sliceMs) return;
    return new Promise<void>((resolve) => setTimeout(resolve)).then(() => {
      signal?.throwIfAborted();
      started = performance.now();
    });
  };
}
