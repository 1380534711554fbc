/** What hostile input is given to. Each target is a file of its own; `targets.ts` lists them. */
import { TidepoolError } from "../../core/errors.js";

export interface FuzzTarget {
  name: string;
  /** Inputs that one seed makes. */
  inputs: number;
  /** Seeds of `npm run fuzz`; `npm test` takes a share of them. */
  seeds: number;
  /** What went wrong with a seed, in words; `null` when nothing did. */
  run(seed: number): Promise<string | null>;
}

/** An error that is an answer: ours, of a code that says whose fault it is. Everything else is a fault, in words. */
export function faultOf(error: unknown, codes: readonly string[] | null = null): string | null {
  if (!(error instanceof TidepoolError)) return `threw ${error instanceof Error ? `${error.stack}` : String(error)}`;
  if (error.code !== "INTERNAL" && (codes === null || codes.includes(error.code))) return null;
  return `threw ${error.code}: ${error.message} ${error.stack ?? ""}`;
}

/** What a read does, as a fault or none. */
export function faultIn(read: () => void, codes: readonly string[] | null = null): string | null {
  try {
    read();
    return null;
  } catch (error) {
    return faultOf(error, codes);
  }
}
