/** The page's side of the harness. */

/** Functions a page offers to Node; arguments and results travel as JSON. */
export type Exposed = Record<string, (...args: never[]) => unknown>;

/** Called once, when the page is ready for calls. */
export function expose(functions: Exposed): void {
  Object.assign(globalThis, { exposed: functions });
}
