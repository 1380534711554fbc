/** Work that is cut into steps: a generator that stops after each, so that whoever runs it decides what comes between two. */
import type { Tick } from "./turns.js";

/** Yields after each step, and returns the result. */
export type Steps<T> = Generator<void, T, undefined>;

/** Runs the work with a tick between its steps. Where a tick throws, the work is told to clean up, and goes no further. */
export async function inTurns<T>(steps: Steps<T>, tick: Tick): Promise<T> {
  try {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      await tick();
    }
  } finally {
    steps.return(undefined as T);
  }
}

/** Runs the work without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
