/** What a component can subscribe to: a snapshot, another object whenever something has changed, and those who want to know of it. */

/** A snapshot in the shape that `useSyncExternalStore` takes. */
export class Snapshots<S extends object> {
  #snapshot: S;
  readonly #runs = new Set<() => void>();

  constructor(first: S) {
    this.#snapshot = first;
  }

  readonly getSnapshot = (): S => this.#snapshot;

  readonly subscribe = (run: () => void): (() => void) => {
    this.#runs.add(run);
    return () => this.#runs.delete(run);
  };

  set(changed: Partial<S>): void {
    this.#snapshot = { ...this.#snapshot, ...changed };
    for (const run of [...this.#runs]) run();
  }
}
