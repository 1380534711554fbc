/** The entry of the sentence encoder's worker. */
import { yieldToEventLoop } from "../worker/protocol.js";
import { EncoderService } from "./encoder-service.js";
import type { ToWorker } from "./messages.js";
import { openModel } from "./open-model.js";

/** A worker's global scope, as far as it is used here. */
const scope = globalThis as unknown as MessagePort;

const service = new EncoderService({
  // Bundlers look for these very expressions.
  open: (modelUrl, onProgress) =>
    openModel(
      () => fetch(new URL("../wasm/build/matrix.wasm", import.meta.url)),
      () => (modelUrl === null ? fetch(new URL("./build/sentence-encoder.bin", import.meta.url)) : fetch(modelUrl)),
      onProgress,
    ),
  post: (message, transfer) => scope.postMessage(message, transfer),
  turn: yieldToEventLoop,
});
scope.onmessage = ({ data }: MessageEvent<ToWorker>) => service.receive(data);
