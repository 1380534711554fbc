/**
 * The one place that names the broker's file; its form matters, as in `create-worker.ts`. The inline variant, which has no file to
 * name, puts `create-no-broker.ts` in its place.
 */

import { trusting } from "./trusted-worker.js";

/** Connects to the broker; `null` where there is none to be had. Then guests are relayed. */
export function createBroker(): SharedWorker | null {
  if (typeof SharedWorker === "undefined") return null;
  const start = (): SharedWorker =>
    new SharedWorker(new URL("../worker/shared-worker.ts", import.meta.url), { type: "module", name: "tidepool" });
  return trusting("SharedWorker", start);
}
