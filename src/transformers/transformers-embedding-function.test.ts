/** The function in the page, with a worker in between that is none, and a model that is fast. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  knownEmbeddingFunctions,
  registerEmbeddingFunction,
  restoreEmbeddingFunction,
  validateSameFunction,
} from "../api/embedding-registry.js";
import { ServedWorker } from "../testing/served-worker.js";
import type { LoadedTransformer, News, Start } from "./start.js";
import { TransformersEmbeddingFunction, type TransformersOptions } from "./transformers-embedding-function.js";

/** What workers were started, and with what; what was embedded. */
let world: { workers: ServedWorker<Start, News>[]; starts: Start[]; embedded: string[] };

const loaded: LoadedTransformer = {
  model: "a/b",
  device: "wasm",
  dtype: "fp32",
  maxTokens: 512,
  withoutWebGpu: "none",
  version: "4.0.0",
};

/** Embeds a text as its length. */
class FakeWorker extends ServedWorker<Start, News> {
  constructor() {
    super(async (start, tell) => {
      world.starts.push(start);
      tell({ kind: "progress", progress: { file: "f", loadedBytes: 1, totalBytes: 2 } });
      tell({ kind: "loaded", model: loaded });
      return {
        embed: async (texts, prefix, { turn, onEmbedded }) => {
          await turn();
          for (const text of texts) world.embedded.push(prefix + text);
          onEmbedded(texts.length);
          return Float32Array.from(texts.flatMap((text) => [text.length, 1]));
        },
      };
    });
    world.workers.push(this);
  }
}

beforeEach(() => {
  world = { workers: [], starts: [], embedded: [] };
  vi.stubGlobal("Worker", FakeWorker);
  vi.stubGlobal("location", new URL("https://app.test/app/page.html"));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** A function that is closed again. */
async function using<T>(options: TransformersOptions, use: (fn: TransformersEmbeddingFunction) => Promise<T>): Promise<T> {
  const fn = new TransformersEmbeddingFunction(options);
  try {
    return await use(fn);
  } finally {
    fn.close();
  }
}

test("embeds documents and queries behind the prefixes of the model's card, equal texts once", async () => {
  await using({ model: "Xenova/e5-small-v2" }, async (fn) => {
    expect((await fn.generate(["ab", "abc", "ab"])).map((vector) => vector[0])).toEqual([2, 3, 2]);
    await fn.generateForQueries(["q"]);
    expect(await fn.generate([])).toEqual([]);
  });
  expect(world.embedded).toEqual(["passage: ab", "passage: abc", "query: q"]);
});

test("tells how loading goes, and where the model computes", async () => {
  const told: object[] = [];
  await using({ onProgress: (progress) => told.push(progress), onLoad: (model) => told.push(model) }, async (fn) => {
    expect(await fn.load()).toEqual(loaded);
    expect(await fn.load()).toEqual(loaded);
  });
  expect(told).toEqual([{ file: "f", loadedBytes: 1, totalBytes: 2 }, loaded]);
});

test("functions with equal options share a worker, each hears of it, and the last that is closed ends it", async () => {
  const told: string[] = [];
  const make = (name: string) => new TransformersEmbeddingFunction({ model: "Xenova/gte-small", onLoad: () => told.push(name) });
  const [one, other] = [make("one"), make("other")];
  await using({ model: "Xenova/gte-small", dtype: "q8" }, async (third) => {
    await Promise.all([one.load(), other.load(), third.load()]);
  });
  expect(told).toEqual(["one", "other"]);
  expect(world.workers).toHaveLength(2);
  const waiting = other.generate(["text"]);
  one.close();
  expect(await waiting).toHaveLength(1);
  await expect(one.load()).rejects.toMatchObject({ code: "CLOSED" });
  other.close();
  expect(world.workers.some(({ isRunning }) => isRunning)).toBe(false);
});

test("a signal ends the call", async () => {
  await using({}, async (fn) => {
    const stop = new AbortController();
    const call = fn.generate(["text"], { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await expect(fn.load({ signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    await fn.generate(["next"]);
  });
  expect(world.embedded).toEqual(["next"]);
});

describe("where it runs", () => {
  const startOf = (options: TransformersOptions): Promise<Start> =>
    using(options, async (fn) => {
      await fn.load();
      return world.starts.at(-1)!;
    });
  test("is left to the library and the bundler where nothing is said", async () => {
    expect(await startOf({})).toMatchObject({
      device: "auto",
      moduleUrl: null,
      wasmPaths: "bundled",
      localModelPath: null,
      allowRemoteModels: true,
      cache: true,
    });
  });
  test("is said relative to the page", async () => {
    const start = await startOf({ moduleUrl: "t.js", wasmPaths: "/ort", localModelPath: new URL("https://app.test/models"), cache: false });
    expect(start).toMatchObject({
      moduleUrl: "https://app.test/app/t.js",
      wasmPaths: "https://app.test/ort/",
      localModelPath: "/models/",
      allowRemoteModels: false,
      cache: false,
    });
    expect((await startOf({ wasmPaths: { wasm: "a.wasm" } })).wasmPaths).toEqual({ wasm: "https://app.test/app/a.wasm" });
    expect((await startOf({ moduleUrl: "t.js" })).wasmPaths).toBeNull();
    expect((await startOf({ localModelPath: "m/", allowRemoteModels: true })).allowRemoteModels).toBe(true);
  });
  test.each([
    [{ device: "cpu" }, 'device must be one of "auto", "webgpu", "wasm", got "cpu"'],
    [{ moduleUrl: "" }, 'moduleUrl must be the address of a file, got ""'],
    [{ wasmPaths: {} }, "wasmPaths must be the address of a folder, or have mjs or wasm, got {}"],
    [{ wasmPaths: { js: "x" } }, 'wasmPaths must be the address of a folder, or have mjs or wasm, got {"js":"x"}'],
    [{ wasmPaths: { wasm: 4 } }, "wasmPaths.wasm must be the address of a file, got 4"],
    [
      { localModelPath: "https://cdn.test/m" },
      'localModelPath must be of the page\'s own origin, https://app.test, got "https://cdn.test/m"',
    ],
    [{ allowRemoteModels: false }, "allowRemoteModels: false needs localModelPath: there is no other place for models"],
    [{ cache: "yes" }, 'cache must be true or false, got "yes"'],
    [{ idleMs: -1 }, "idleMs must be a whole number of 0 … 2147483647, got -1"],
    [{ onLoad: 1 }, "onLoad must be a function, got 1"],
    [{ quantized: true }, 'TransformersEmbeddingFunction has no argument "quantized"; it takes model, revision, dtype'],
  ])("%j is refused", (options, message) => {
    expect(() => new TransformersEmbeddingFunction(options as object)).toThrow(message);
  });
  test("can be given to functions that collections restore", async () => {
    const Local = TransformersEmbeddingFunction.configured({ localModelPath: "/models/", device: "wasm" });
    const fn = Local.buildFromConfig(new TransformersEmbeddingFunction({ dtype: "q8" }).getConfig());
    await fn.load();
    expect(world.starts.at(-1)).toMatchObject({ localModelPath: "/models/", device: "wasm", settings: { dtype: "q8" } });
    fn.close();
  });
  test("is told once to a callback that several of them have", async () => {
    const told: string[] = [];
    const Local = TransformersEmbeddingFunction.configured({ onLoad: ({ device }) => told.push(device) });
    const restored = [1, 2].map(() => Local.buildFromConfig({ model_name: "gte-base" }));
    await Promise.all(restored.map((fn) => fn.load()));
    expect(told).toEqual(["wasm"]);
    for (const fn of restored) fn.close();
  });
  test("is checked when it is given to a class", () => {
    expect(() => TransformersEmbeddingFunction.configured({ device: "cpu" as "wasm" })).toThrow("device must be one of");
    expect(() => TransformersEmbeddingFunction.configured({ dtype: "q8" } as object)).toThrow('has no argument "dtype"');
  });
});

describe("a collection", () => {
  const names = ["sentence_transformer", ...TransformersEmbeddingFunction.aliases];
  beforeEach(() => registerEmbeddingFunction("sentence_transformer", TransformersEmbeddingFunction));
  afterEach(() => {
    for (const name of names) knownEmbeddingFunctions.delete(name);
  });
  test.each(names)("that is stored with %s finds it again, and takes it", (name) => {
    const configuration = { type: "known" as const, name, config: {} };
    const { fn, failure } = restoreEmbeddingFunction(configuration);
    expect(failure).toBeNull();
    expect(fn).toBeInstanceOf(TransformersEmbeddingFunction);
    validateSameFunction(new TransformersEmbeddingFunction({ longTexts: "truncate" }), configuration);
  });
  test("refuses a function of another model, or that reads it in another way", () => {
    const config = new TransformersEmbeddingFunction().getConfig();
    const configuration = { type: "known" as const, name: "sentence_transformer", config: { ...config } };
    const conflict = (options: TransformersOptions) => () =>
      validateSameFunction(new TransformersEmbeddingFunction(options), configuration);
    expect(conflict({ model: "Xenova/gte-small" })).toThrow('model_name is "all-MiniLM-L6-v2" and cannot become "Xenova/gte-small"');
    expect(conflict({ queryPrefix: "q " })).toThrow('query_prefix is "" and cannot become "q "');
    expect(conflict({ device: "wasm", model: "Xenova/all-MiniLM-L6-v2" })).not.toThrow();
  });
});
