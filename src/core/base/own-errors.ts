/** Errors of code that is loaded as a file of its own: its `TidepoolError` is another class, and the engine knows errors by theirs. */
import { TidepoolError } from "../errors.js";

/** It, as one of this code's class. */
export function ownError(error: unknown): unknown {
  if (error instanceof TidepoolError || (error as Error | null)?.name !== "TidepoolError") return error;
  const { code, message, cause, details } = error as TidepoolError;
  return new TidepoolError(code, message, { cause, details });
}

/** What comes of the work, or an error of this code's class. */
export async function orOwnError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ownError(error);
  }
}

/** The object, with methods whose promises reject with errors of this code's class. */
export function withOwnErrors<T extends object>(target: T): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = value.apply(target, args);
        return result instanceof Promise ? orOwnError(() => result) : result;
      };
    },
  });
}
