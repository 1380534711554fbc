/** The buttons of "it is fast" and "it loses nothing". What they do is loaded when one is pressed. */
import { byId } from "./dom.js";
import { showError } from "./notices.js";

/** Where `loss-proof.ts` writes down what was acknowledged. */
export const acknowledgedKey = "tidepool-demo-acknowledged";

export function offerProofs(): void {
  byId("speed-start").addEventListener("click", () => load(async () => new (await import("./speed-proof.js")).SpeedProof().start()));
  byId("loss-start").addEventListener("click", () => load(async () => new (await import("./loss-proof.js")).LossProof().start()));
  if (localStorage.getItem(acknowledgedKey) !== null) load(async () => new (await import("./loss-proof.js")).LossProof().comeBack());
}

function load(begin: () => Promise<void>): void {
  begin().catch(showError);
}
