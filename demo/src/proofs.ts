/** The buttons of "it is fast" and "it loses nothing". What they do is loaded when one is pressed. */
import { byId } from "./dom.js";
import { fetchPart } from "./fetch-part.js";
import { showError } from "./notices.js";

/** Where `loss-proof.ts` writes down what was acknowledged. */
export const acknowledgedKey = "tidepool-demo-acknowledged";

export function offerProofs(): void {
  byId("speed-start").addEventListener("click", () => run(async () => (await speedProof()).start()));
  byId("loss-start").addEventListener("click", () => run(async () => (await lossProof()).start()));
  if (localStorage.getItem(acknowledgedKey) !== null) run(async () => (await lossProof()).comeBack());
}

const proof = "The proof";
const speedProof = async () => new (await fetchPart(proof, import("./speed-proof.js"))).SpeedProof();
const lossProof = async () => new (await fetchPart(proof, import("./loss-proof.js"))).LossProof();

function run(begin: () => Promise<void>): void {
  begin().catch(showError);
}
