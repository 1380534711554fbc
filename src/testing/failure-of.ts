/** What a check throws: a `TidepoolError`, to be looked at. */
import { expect } from "vitest";
import { TidepoolError } from "../core/errors.js";

export function failureOf(check: () => void): TidepoolError {
  try {
    check();
  } catch (error) {
    expect(error).toBeInstanceOf(TidepoolError);
    return error as TidepoolError;
  }
  throw new Error("nothing was thrown");
}

/** The error that a call rejects with. */
export async function rejectionOf(call: Promise<unknown>): Promise<TidepoolError> {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof TidepoolError) return error;
  throw new Error(`it was not refused: ${String(error)}`);
}
