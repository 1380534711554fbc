/** Loads the model in its worker: the device, the library's settings, its tokenizer, its graph. Errors say what can be done. */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { asError } from "../worker/protocol.js";
import { repositoryOf } from "./model-settings.js";
import type { Peer, PeerModel, PeerProgress, PeerTokenizer } from "./peer.js";
import type { News, Start, TransformersDevice } from "./start.js";
import { TextModel } from "./text-model.js";

/** WebGPU, as far as it is asked for. */
export interface Gpu {
  requestAdapter(): Promise<unknown>;
}

/**
 * The model, ready to embed.
 *
 * @throws `EMBEDDING_FUNCTION` when the library or the model cannot be loaded, `NOT_SUPPORTED` without the WebGPU that was asked for,
 *   `INVALID_ARGUMENT` when the model reads fewer tokens than it is to.
 */
export async function openTransformer(
  start: Start,
  importPeer: (moduleUrl: string | null) => Promise<Peer>,
  gpu: Gpu | undefined,
  tell: (news: News) => void,
): Promise<TextModel> {
  const { device, withoutWebGpu } = await chosenDevice(start.device, gpu);
  const peer = await imported(start, importPeer);
  configure(peer.env, start);
  const { settings } = start;
  const repository = repositoryOf(settings.model);
  const progress_callback = progressTeller(tell);
  const load = async (): Promise<[PeerTokenizer, PeerModel]> => {
    const common = { revision: settings.revision, progress_callback };
    const tokenizer = await peer.AutoTokenizer.from_pretrained(repository, common);
    return [tokenizer, await peer.AutoModel.from_pretrained(repository, { ...common, device, dtype: settings.dtype })];
  };
  const [tokenizer, model] = await load().catch((error: unknown) => {
    throw unloadable(start, repository, device, asError(error));
  });
  const maxTokens = readAtOnce(settings.maxTokens, tokenizer, model);
  tell({
    kind: "loaded",
    model: { model: repository, device, dtype: settings.dtype, maxTokens, withoutWebGpu, version: peer.env.version },
  });
  return new TextModel({ Tensor: peer.Tensor, tokenizer, model, settings, maxTokens });
}

/** Where to compute. Who asks for WebGPU gets it or an error; who leaves it open is told why it is not. */
async function chosenDevice(
  asked: Start["device"],
  gpu: Gpu | undefined,
): Promise<{ device: TransformersDevice; withoutWebGpu: string | null }> {
  if (asked === "wasm") return { device: "wasm", withoutWebGpu: null };
  const withoutWebGpu = await missingGpu(gpu);
  if (withoutWebGpu === null) return { device: "webgpu", withoutWebGpu };
  if (asked === "auto") return { device: "wasm", withoutWebGpu };
  throw new TidepoolError(
    "NOT_SUPPORTED",
    `The device "webgpu" was asked for, and is not there: ${withoutWebGpu}; "auto" takes what there is`,
  );
}

async function missingGpu(gpu: Gpu | undefined): Promise<string | null> {
  if (gpu === undefined) return "workers of this browser have no WebGPU";
  try {
    return (await gpu.requestAdapter()) ? null : "the browser has WebGPU, but no adapter for it";
  } catch (error) {
    return `the browser gives no adapter for WebGPU: ${asError(error).message}`;
  }
}

async function imported({ moduleUrl }: Start, importPeer: (moduleUrl: string | null) => Promise<Peer>): Promise<Peer> {
  const from = moduleUrl ?? "@huggingface/transformers";
  const help =
    moduleUrl === null
      ? "install it; without a bundler say by moduleUrl where its transformers.min.js is"
      : "see that it is transformers.min.js, is there and may be loaded";
  let peer: Peer;
  try {
    peer = await importPeer(moduleUrl);
  } catch (cause) {
    throw new TidepoolError("EMBEDDING_FUNCTION", `${from} cannot be loaded: ${asError(cause).message}; ${help}`, { cause });
  }
  if (typeof peer?.AutoModel?.from_pretrained === "function" && peer.env) return peer;
  throw new TidepoolError("EMBEDDING_FUNCTION", `${from} is not @huggingface/transformers, of which version 4 is needed; ${help}`);
}

/** Files of one's own are asked for as they are: the library's way through a blob is forbidden by strict policies. */
function configure(env: Peer["env"], { wasmPaths, localModelPath, allowRemoteModels, cache }: Start): void {
  env.allowRemoteModels = allowRemoteModels;
  env.allowLocalModels = localModelPath !== null;
  if (localModelPath !== null) env.localModelPath = localModelPath;
  env.useBrowserCache = cache;
  const { wasm } = env.backends.onnx;
  if (wasmPaths === null || wasm === undefined) return;
  env.useWasmCache = false;
  wasm.wasmPaths = wasmPaths === "bundled" ? undefined : wasmPaths;
}

/** The bytes of all files: the library tells some sizes ahead, and the others as it comes to their files. */
function progressTeller(tell: (news: News) => void): (progress: PeerProgress) => void {
  const sizes = new Map<string, { loaded: number; total: number }>();
  const sumOf = (what: "loaded" | "total"): number => [...sizes.values()].reduce((sum, size) => sum + size[what], 0);
  return ({ status, file = "", loaded = 0, total = 0, files = {} }) => {
    if (status === "progress_total") for (const [name, size] of Object.entries(files)) sizes.set(name, size);
    if (status !== "progress") return;
    sizes.set(file, { loaded, total });
    tell({ kind: "progress", progress: { file, loadedBytes: sumOf("loaded"), totalBytes: sumOf("total") } });
  };
}

function readAtOnce(asked: number | null, tokenizer: PeerTokenizer, { config }: PeerModel): number {
  const reads = Math.min(tokenizer.model_max_length, config.max_position_embeddings ?? Infinity);
  if (asked !== null && asked > reads)
    throw new TidepoolError("INVALID_ARGUMENT", `maxTokens is ${asked}, and the model reads ${reads} tokens at once`);
  return asked ?? Math.min(reads, limits.modelTokensMax);
}

function unloadable(start: Start, repository: string, device: TransformersDevice, cause: Error): TidepoolError {
  const { settings, localModelPath } = start;
  const from = localModelPath === null ? "Hugging Face" : start.allowRemoteModels ? `${localModelPath} or Hugging Face` : localModelPath;
  const help = helpFor(cause.message, start, device);
  const message = `The model ${repository} (${settings.dtype}, ${device}) cannot be loaded from ${from}: ${cause.message}${help}`;
  return new TidepoolError("EMBEDDING_FUNCTION", message, { cause });
}

/** What to do about what the library says. */
function helpFor(message: string, { cache }: Start, device: TransformersDevice): string {
  const cached = cache ? ', and delete the cache "transformers-cache", which may keep it' : "";
  if (/no available backend|wasm|dynamically imported/i.test(message))
    return "; say by wasmPaths where the files ort-wasm-simd-threaded.* are, and allow 'wasm-unsafe-eval' where the page has a policy";
  if (/JSON|Unexpected token|protobuf/i.test(message))
    return `; see that the server answers 404, and no page, for a file that it has not${cached}`;
  if (/tokenizer/i.test(message)) return "; there is no such model, or it has no tokenizer.json and tokenizer_config.json there";
  return device === "webgpu" ? '; device: "wasm" does without WebGPU' : "";
}
