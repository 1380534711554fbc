/**
 * Whether the engine still answers. It stops for good when it is closed, and when it is poisoned: after a failed flush, or after a
 * durable record that could not be applied, what memory holds is at odds with what the disk holds. Only recovery can tell what is
 * true then, so every later call is refused until the database is reopened.
 */
import { TidepoolError } from "../errors.js";

export class Availability {
  readonly #onPoison: (error: TidepoolError) => void;
  #poison: TidepoolError | null = null;
  #isClosed = false;

  /** `onPoison` ends all work of which something might still reach the disk. It is called once, and must not throw. */
  constructor(onPoison: (error: TidepoolError) => void) {
    this.#onPoison = onPoison;
  }

  /** Throws unless new calls are answered. */
  check(): void {
    this.checkPoison();
    if (this.#isClosed) throw new TidepoolError("CLOSED", "The database is closed.");
  }

  /** Throws if the engine is poisoned. What was called before the engine was closed goes on after that; after a poisoning it does not. */
  checkPoison(): void {
    if (this.#poison !== null) throw this.#poison;
  }

  /** Refuses every later call with this error, or with the one that came first, which it returns. */
  poison(error: TidepoolError): TidepoolError {
    if (this.#poison === null) {
      this.#poison = error;
      this.#onPoison(error);
    }
    return this.#poison;
  }

  close(): void {
    this.#isClosed = true;
  }
}
