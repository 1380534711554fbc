/** A part of the worker that is a file of its own, and loaded with the first use of it. */
import { TidepoolError } from "../core/errors.js";
import { asError } from "./protocol.js";

/** What is loaded. Its URL stands with the caller, for the build; `what` is what has failed, in the error. */
export async function loadPart<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new TidepoolError("NOT_SUPPORTED", `${what} could not be loaded: ${asError(error).message}`, { cause: error });
  }
}
