/** Stands in for `create-broker.ts` in the package's inline variant, which has no file for a SharedWorker to be started from. */

/** There is none: guests are relayed. */
export function createBroker(): SharedWorker | null {
  return null;
}
