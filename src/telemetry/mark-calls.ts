/** Each call as a bar in the timeline of the browser's developer tools. */
import type { TidepoolClient } from "../api/client.js";
import { followCalls } from "./described-calls.js";

/**
 * Measures every call of the engine that this client makes from now on, and those of the clients that share its connection, by
 * `performance.measure`: Chromium's Performance panel shows them on a track of their own, "Tidepool", and each `PerformanceObserver` of
 * "measure" hears of them. They are not kept in the page's list of entries, which would grow without end.
 *
 * @returns Ends it.
 *
 * @throws `INVALID_ARGUMENT`.
 */
export function markCalls(client: TidepoolClient): () => void {
  return followCalls(
    client,
    ({ operation, collection, size, filter }) => {
      const start = performance.now();
      const name = ["tidepool:", operation, ...(collection === undefined ? [] : [collection])].join(" ");
      return (errorCode) => {
        const told = Object.entries({ records: size, filter, error: errorCode ?? undefined }).filter(([, value]) => value !== undefined);
        const properties = told.map(([key, value]) => [key, String(value)]);
        const color = errorCode === null ? "primary" : "error";
        performance.measure(name, { start, detail: { devtools: { dataType: "track-entry", track: "Tidepool", color, properties } } });
        performance.clearMeasures(name);
      };
    },
    "markCalls",
  );
}
