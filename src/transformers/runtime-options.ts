/** Where a function's library, files and device are: options of which vectors do not depend, and which are not stored. */
import { invalidArgument, show } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { addressInPage, checkCallback, checkIdleMs } from "../model-worker/embed-texts.js";
import { checkOneOf } from "./model-settings.js";
import type { LoadedTransformer, Start, TransformersDevice, TransformersProgress } from "./start.js";

/** Addresses of ONNX Runtime's files, relative to the page. What is not said is where the library finds it. */
export interface WasmFiles {
  /** The script. */
  mjs?: string | URL;
  /** The WebAssembly. */
  wasm?: string | URL;
}

/** Options that say where and how a model computes. None of them is stored. */
export interface TransformersRuntimeOptions {
  /**
   * "webgpu" needs WebGPU, and is an error without; "auto" takes it where it is, and else WebAssembly: `load` and `onLoad` tell which, and
   * why. Default "auto".
   */
  device?: TransformersDevice | "auto";
  /**
   * Address of the library's `transformers.min.js`, relative to the page, for pages without a bundler. Default: what the bundler finds as
   * `@huggingface/transformers`.
   */
  moduleUrl?: string | URL;
  /**
   * Where ONNX Runtime's ort-wasm-simd-threaded.asyncify.mjs and .wasm are, relative to the page: their folder, or each. Default: where
   * the bundler has put them; with `moduleUrl` the library's, a CDN.
   */
  wasmPaths?: string | URL | WasmFiles;
  /** Folder of models at the page's own origin, such as "/models/", in which each has a folder of its name. Default: none. */
  localModelPath?: string | URL;
  /** Whether models that are not there come from Hugging Face. Default: only where there is no `localModelPath`. */
  allowRemoteModels?: boolean;
  /** Whether the library keeps a model's files in the browser's cache "transformers-cache". Default true. */
  cache?: boolean;
  /** How long the worker, and with it the model's memory, stays without a call, in milliseconds. Default 300,000 (`modelIdleMs`). */
  idleMs?: number;
  /** Hears how far the model's files are loaded, each time that a worker loads them. */
  onProgress?: (progress: TransformersProgress) => void;
  /** Hears of the model that was loaded, each time: which device it computes on, and from which of its files. */
  onLoad?: (model: LoadedTransformer) => void;
}

/** The options' names. */
export const RUNTIME_OPTIONS = "device moduleUrl wasmPaths localModelPath allowRemoteModels cache idleMs onProgress onLoad";

/** These options, as the worker takes them, and what the page keeps. */
export interface Runtime {
  start: Omit<Start, "settings">;
  idleMs: number;
  onProgress: ((progress: TransformersProgress) => void) | undefined;
  onLoad: ((model: LoadedTransformer) => void) | undefined;
}

/** Reads the options. Throws `INVALID_ARGUMENT`. */
export function readRuntime(options: TransformersRuntimeOptions): Runtime {
  const { device = "auto", moduleUrl, wasmPaths, localModelPath, cache = true, idleMs = limits.modelIdleMs, ...rest } = options;
  const { allowRemoteModels = localModelPath === undefined, onProgress, onLoad } = rest;
  checkOneOf(device, "device", ["auto", "webgpu", "wasm"]);
  for (const [name, flag] of Object.entries({ cache, allowRemoteModels })) {
    if (typeof flag !== "boolean") throw invalidArgument(`${name} must be true or false, got ${show(flag)}`);
  }
  if (!allowRemoteModels && localModelPath === undefined)
    throw invalidArgument("allowRemoteModels: false needs localModelPath: there is no other place for models");
  checkIdleMs(idleMs);
  checkCallback(onProgress, "onProgress");
  checkCallback(onLoad, "onLoad");
  const start = {
    device,
    moduleUrl: moduleUrl === undefined ? null : addressInPage(moduleUrl, "moduleUrl"),
    wasmPaths: wasmPaths === undefined ? (moduleUrl === undefined ? ("bundled" as const) : null) : readWasmPaths(wasmPaths),
    localModelPath: localModelPath === undefined ? null : readModelPath(localModelPath),
    allowRemoteModels,
    cache,
  };
  return { start, idleMs, onProgress, onLoad };
}

function readWasmPaths(given: NonNullable<TransformersRuntimeOptions["wasmPaths"]>): NonNullable<Start["wasmPaths"]> {
  if (typeof given === "string" || given instanceof URL) return asFolder(addressInPage(given, "wasmPaths"));
  const entries = Object.entries(given ?? {}).filter(([, url]) => url !== undefined);
  const isKnown = entries.length > 0 && entries.every(([name]) => name === "mjs" || name === "wasm");
  if (!isKnown) throw invalidArgument(`wasmPaths must be the address of a folder, or have mjs or wasm, got ${show(given)}`);
  return Object.fromEntries(entries.map(([name, url]) => [name, addressInPage(url, `wasmPaths.${name}`)]));
}

/** As a path: the library takes an absolute address for a model at Hugging Face. */
function readModelPath(given: string | URL): string {
  const { origin, pathname } = new URL(addressInPage(given, "localModelPath"));
  if (origin === globalThis.location.origin) return asFolder(pathname);
  throw invalidArgument(`localModelPath must be of the page's own origin, ${globalThis.location.origin}, got ${show(String(given))}`);
}

function asFolder(address: string): string {
  return address.endsWith("/") ? address : `${address}/`;
}
