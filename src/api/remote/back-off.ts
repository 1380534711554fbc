/**
 * How long a client waits before it asks a server: who was refused twice as long after each failure, and half of that by chance; a sync
 * that has something to send, for what else there may be.
 */

export interface BackOff {
  /** After the first failure, at most. */
  firstMs: number;
  mostMs: number;
}

/** How long changes here are waited for, so that many go together. */
export const GATHER_MS = 250;
/** Of one request. */
export const requestBackOff: BackOff = { firstMs: 250, mostMs: 8000 };
export const REQUEST_ATTEMPTS_MAX = 5;
/** Of a round of a sync, whose requests have been tried again before. */
export const roundBackOff: BackOff = { firstMs: 1000, mostMs: 300_000 };

/** `failures` is 1 after the first; `chance` is 0–1. */
export function backOffMs({ firstMs, mostMs }: BackOff, failures: number, chance: number): number {
  return jittered(Math.min(firstMs * 2 ** (failures - 1), mostMs), chance);
}

/** Half of it by chance, so that many who began, or were refused, together do not stay together. */
export function jittered(ms: number, chance: number): number {
  return (ms / 2) * (1 + chance);
}
