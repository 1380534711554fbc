/** The entry of the worker that hashes texts. Calls take turns with each other, so that a short one need not wait for a long one. */
import { hashTexts } from "../hash-texts.js";
import type { HashingAnswer, HashingCall } from "./hashing-messages.js";

/** A worker's global scope, as far as it is used here. */
const scope = globalThis as unknown as MessagePort;

async function answer({ call, texts, dimension }: HashingCall): Promise<void> {
  // The page hashes what fails here once more, and is told there of what is wrong.
  const values = await hashTexts(texts, dimension).catch(() => null);
  scope.postMessage({ call, values } satisfies HashingAnswer, values === null ? [] : [values.buffer]);
}

scope.onmessage = ({ data }: MessageEvent<HashingCall>) => void answer(data);
