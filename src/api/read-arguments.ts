/**
 * Arguments as they come: whatever a caller hands over, a getter that throws or a revoked proxy included, is told as what it is,
 * an argument that cannot be used. Everything that looks into arguments runs within `readArguments`, and nothing else does, since
 * a fault of ours must not pass for the caller's.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { validateArray, validateObject } from "../core/gateway/validate/values.js";

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

/**
 * The own copy of an object that carries the arguments of a call, which takes these fields, written with spaces between: whatever else
 * is given would be overlooked, and is refused.
 */
export function readObject<T extends object>(args: T, call: string, fields: string): T {
  validateObject(args, `argument of ${call}`);
  const odd = Object.keys(args).find((name) => !fields.split(" ").includes(name));
  if (odd === undefined) return { ...args };
  throw invalidArgument(`${call} has no argument ${show(odd)}; it takes ${fields ? fields.split(" ").join(", ") : "none"}`);
}

/** Objects of plain data that are copied, entries of a list, and how deep; what has more goes on as it is, and is refused for it. */
const COPIED_MAX = 1 << 17;
const COPIED_DEPTH_MAX = 160;

/**
 * An own copy of plain data, in which proxies are what they show. What the caller does to its own afterwards changes nothing, and
 * all of it can be sent, which proxies cannot.
 */
export function copyOf<T>(value: T, copies = new Map<unknown, unknown>(), depth = 0): T {
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value) as T;
  if (ArrayBuffer.isView(value)) return ((value as unknown as Partial<Float32Array>).slice?.() as T | undefined) ?? value;
  const isList = Array.isArray(value);
  const isLarge = depth > COPIED_DEPTH_MAX || copies.size > COPIED_MAX || (isList && value.length > COPIED_MAX);
  if (isLarge || !(isList || isPlain(value))) return value;
  const copy = (isList ? value.slice() : { ...value }) as Record<PropertyKey, unknown>;
  copies.set(value, copy);
  for (const key of isList ? value.keys() : Object.keys(copy)) {
    if (typeof copy[key] === "object") copy[key] = copyOf(copy[key], copies, depth + 1);
  }
  return copy as T;
}

/** Made by no class, in whatever frame. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
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
