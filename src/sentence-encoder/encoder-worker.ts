/** The entry of the sentence encoder's worker. */
import type { ToWorker } from "../model-worker/messages.js";
import { ModelService } from "../model-worker/model-service.js";
import { yieldToEventLoop } from "../worker/protocol.js";
import { textByText } from "./encoder.js";
import type { LoadProgress } from "./load-progress.js";
import { openModel } from "./open-model.js";

/** Where the model is; `null`: where the package has it. */
interface Start {
  modelUrl: string | null;
}

/** A worker's global scope, as far as it is used here. */
const scope = globalThis as unknown as MessagePort;

const service = new ModelService<Start, LoadProgress>({
  // Bundlers look for these very expressions.
  open: async ({ modelUrl }, onProgress) => {
    const encoder = await openModel(
      () => fetch(new URL("../wasm/build/matrix.wasm", import.meta.url)),
      () => (modelUrl === null ? fetch(new URL("./build/sentence-encoder.bin", import.meta.url)) : fetch(modelUrl)),
      onProgress,
    );
    return textByText(encoder);
  },
  post: (message, transfer) => scope.postMessage(message, transfer),
  turn: yieldToEventLoop,
});
scope.onmessage = ({ data }: MessageEvent<ToWorker<Start>>) => service.receive(data);
