/**
 * Arguments as they come: whatever a caller hands over, a getter that throws or a revoked proxy included, is told as what it is,
 * an argument that cannot be used. Everything that looks into arguments runs within `readArguments`, and nothing else does, since
 * a fault of ours must not pass for the caller's.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { validateArray } from "../core/gateway/validate/values.js";

/** What `read` makes of the arguments of a call. */
export function readArguments<T>(call: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw readable(call, error);
  }
}

/** As `readArguments`, for reading that gives others their turns on the way. */
export async function readArgumentsInTurns<T>(call: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw readable(call, error);
  }
}

function readable(call: string, error: unknown): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const why = error instanceof Error ? error.message : show(error);
  return new TidepoolError("INVALID_ARGUMENT", `The arguments of ${call} cannot be read: ${why}`, { cause: error });
}

/** The members of a list, a `Set` or an array-like object, of which there may be `max`. */
export function readList<T>(values: Iterable<T> | ArrayLike<T>, argument: string, max: number): T[] {
  if (typeof values !== "object" || values === null) throw invalidArgument(`${argument} must be a list, got ${show(values)}`);
  return readArguments(argument, () => {
    const isIterable = Symbol.iterator in values;
    if (!isIterable && !Number.isSafeInteger((values as ArrayLike<T>).length)) {
      throw invalidArgument(`${argument} must be a list, got ${show(values)}`);
    }
    if ((values as ArrayLike<T>).length > max) throw tooMany(argument, max);
    const list: T[] = [];
    for (const value of isIterable ? values : Array.from(values)) {
      if (list.push(value) > max) throw tooMany(argument, max);
    }
    return list;
  });
}

function tooMany(argument: string, max: number): TidepoolError {
  return new TidepoolError("LIMIT_EXCEEDED", `${argument} has more than the ${max} entries allowed`, { details: { allowed: max } });
}

/** Texts to be embedded, of which there may be `limits.queriesMax` where they are queries. */
export function validateTexts(texts: unknown, argument: string, max = Infinity): asserts texts is string[] {
  validateArray(texts, argument);
  if (texts.length > max) throw tooMany(argument, max);
  for (let i = 0; i < texts.length; i++) {
    if (typeof texts[i] === "string") continue;
    throw invalidArgument(`Expected each of '${argument}' to be a string, but ${argument}[${i}] is ${show(texts[i])}`);
  }
}
