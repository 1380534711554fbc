/** Who syncs: of all tabs and workers of an origin one at a time for a pair of collections, as long as it lives. */
import { Serial } from "../../core/base/serial.js";

/**
 * Runs `body` while it holds the lock of this name. Where somebody else has it, `onBusy` is told, and `body` runs when whoever held it
 * has let go of it or has gone.
 */
export type HoldLock = (name: string, signal: AbortSignal, body: () => Promise<void>, onBusy: () => void) => Promise<void>;

/** Where there are no locks, as in Node, nobody else can have the database open, and only this process is to be looked at. */
const inProcess = new Map<string, { line: Serial; waiting: number }>();

export const holdLock: HoldLock = async (name, signal, body, onBusy) => {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (locks === undefined) return holdInProcess(name, signal, body, onBusy);
  let isBusy = false;
  await locks.request(name, { ifAvailable: true }, async (lock) => {
    isBusy = lock === null;
    if (!isBusy) await body();
  });
  if (!isBusy) return;
  onBusy();
  await locks.request(name, { signal }, body);
};

const holdInProcess: HoldLock = async (name, signal, body, onBusy) => {
  const held = inProcess.get(name) ?? { line: new Serial(), waiting: 0 };
  inProcess.set(name, held);
  if (held.waiting++ > 0) onBusy();
  try {
    await held.line.run(() => (signal.aborted ? undefined : body()));
  } finally {
    if (--held.waiting === 0) inProcess.delete(name);
  }
};

/** Holds all of them, taken in one order, so that two that want the same ones do not wait for each other. */
export function holdAll(
  hold: HoldLock,
  names: readonly string[],
  signal: AbortSignal,
  body: () => Promise<void>,
  onBusy: () => void,
): Promise<void> {
  const [first, ...others] = [...names].sort();
  return first === undefined ? body() : hold(first, signal, () => holdAll(hold, others, signal, body, onBusy), onBusy);
}
