/**
 * Wraps a task so that it runs for the newest input only: an input that arrives while the task is running waits, and is
 * dropped when a newer one comes. Fast typing thus never queues up searches that nobody wants any more.
 */
export function latestOnly<T>(task: (input: T) => Promise<void>): (input: T) => void {
  let waiting: { input: T } | null = null;
  let running = false;
  const drain = async (): Promise<void> => {
    running = true;
    while (waiting) {
      const { input } = waiting;
      waiting = null;
      await task(input);
    }
    running = false;
  };
  return (input) => {
    waiting = { input };
    if (!running) void drain();
  };
}
