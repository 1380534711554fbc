/** What the worker is told first, and what it tells of loading. */
import type { ModelSettings } from "./model-settings.js";

/** Where a model computes. */
export type TransformersDevice = "webgpu" | "wasm";

/** All that the worker has to know. `null`: as the library has it by itself. */
export interface Start {
  settings: ModelSettings;
  device: TransformersDevice | "auto";
  moduleUrl: string | null;
  /** `"bundled"`: where the bundler put them. */
  wasmPaths: string | { mjs?: string; wasm?: string } | "bundled" | null;
  localModelPath: string | null;
  allowRemoteModels: boolean;
  cache: boolean;
}

/** How far loading is, in bytes of all files of the model that are known of by then. */
export interface TransformersProgress {
  /** The file of which something was read. */
  file: string;
  /** Read so far. */
  loadedBytes: number;
  /** Of all files. */
  totalBytes: number;
}

/** A model that is there. */
export interface LoadedTransformer {
  /** Its name where its files are. */
  model: string;
  /** Where it computes. */
  device: TransformersDevice;
  /** Which of its files it was loaded from. */
  dtype: string;
  /** Tokens that it reads at once; longer texts are read in windows, or cut. */
  maxTokens: number;
  /** Why it does not compute on WebGPU, where the device was left to be chosen; else `null`. */
  withoutWebGpu: string | null;
  /** Version of `@huggingface/transformers`. */
  version: string;
}

/** What the worker tells on the way. */
export type News = { kind: "progress"; progress: TransformersProgress } | { kind: "loaded"; model: LoadedTransformer };
