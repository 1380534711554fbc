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
