/** The entry of the worker in which a model of `@huggingface/transformers` computes. */
import type { ToWorker } from "../model-worker/messages.js";
import { ModelService } from "../model-worker/model-service.js";
import { yieldToEventLoop } from "../worker/protocol.js";
import { type Gpu, openTransformer } from "./open-transformer.js";
import type { Peer } from "./peer.js";
import type { News, Start } from "./start.js";

/** A worker's global scope, as far as it is used here. */
const scope = globalThis as unknown as MessagePort & { navigator: { gpu?: Gpu } };

/** Bundlers look for the name; a URL is for pages without one, whose import map does not reach into workers. */
const importPeer = (url: string | null): Promise<Peer> =>
  (url === null
    ? import("@huggingface/transformers")
    : import(/* webpackIgnore: true */ /* @vite-ignore */ url)) as Promise<unknown> as Promise<Peer>;

const service = new ModelService<Start, News>({
  open: (start, tell) => openTransformer(start, importPeer, scope.navigator.gpu, tell),
  post: (message, transfer) => scope.postMessage(message, transfer),
  turn: yieldToEventLoop,
});
scope.onmessage = ({ data }: MessageEvent<ToWorker<Start>>) => service.receive(data);
