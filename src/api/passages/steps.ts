/** Long work on a page as a generator that pauses between its steps, so that whoever runs it can give the page its turns there. */
import { aborted } from "../call-limits.js";
import { Slice } from "../slice.js";

/** Work that pauses now and then, and returns what it has made. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Runs the work in slices of the page's time, until it is done or the signal fires. */
export async function inSlices<T>(steps: Steps<T>, signal: AbortSignal | undefined): Promise<T> {
  const slice = new Slice();
  for (;;) {
    if (signal?.aborted) throw aborted(signal);
    const step = steps.next();
    if (step.done) return step.value;
    if (slice.isOver) await slice.tick();
  }
}
