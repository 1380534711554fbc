/** Texts through a model that is none, and what loading it says and asks. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../core/limits.js";
import { readSettings, type TransformersModelOptions } from "./model-settings.js";
import { type Gpu, openTransformer } from "./open-transformer.js";
import type { Peer, PeerModel, PeerTensor, PeerTokenizer } from "./peer.js";
import { pool, toUnitLength } from "./pool.js";
import type { News, Start } from "./start.js";
import { batchesOf } from "./text-model.js";

class Tensor implements PeerTensor {
  constructor(
    readonly type: string,
    readonly data: ArrayLike<number> | BigInt64Array,
    readonly dims: readonly number[],
  ) {}
  to(type: "float32"): PeerTensor {
    return new Tensor(type, this.data, this.dims);
  }
}

/** A token per word, which is its number, or its length. */
const tokenizer: PeerTokenizer = {
  model_max_length: 8,
  pad_token_id: 99,
  encode: (text) =>
    text
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => Number.parseInt(word, 10) || word.length),
};

/** Embeds a token as [its number, 1], and counts what it is given. */
function counting(): PeerModel & { batches: number[][] } {
  const model = async ({ input_ids }: Record<string, PeerTensor>) => {
    const ids = [...(input_ids!.data as BigInt64Array)].map(Number);
    batches.push([...input_ids!.dims]);
    const data = Float32Array.from(ids.flatMap((id) => [id, 1]));
    return { last_hidden_state: new Tensor("float32", data, [...input_ids!.dims, 2]) };
  };
  const batches: number[][] = [];
  return Object.assign(model, { config: { hidden_size: 2, max_position_embeddings: 16 }, batches });
}

interface World {
  peer: Peer;
  model: PeerModel & { batches: number[][] };
  asked: { name: string; options: object }[];
  news: News[];
}

function world(failure?: Error): World {
  const model = counting();
  const asked: World["asked"] = [];
  const env = {
    version: "4.0.0",
    allowRemoteModels: true,
    allowLocalModels: false,
    localModelPath: "/",
    useBrowserCache: true,
    useWasmCache: true,
    backends: { onnx: { wasm: { wasmPaths: "cdn" } } },
  };
  const from_pretrained =
    <T>(what: T) =>
    async (name: string, options: Parameters<Peer["AutoModel"]["from_pretrained"]>[1]): Promise<T> => {
      asked.push({ name, options });
      options.progress_callback({ status: "progress_total", files: { "a.onnx": { loaded: 0, total: 90 } } });
      options.progress_callback({ status: "progress", file: "a.onnx", loaded: 10, total: 90 });
      options.progress_callback({ status: "done", file: "a.onnx" });
      if (failure) throw failure;
      return what;
    };
  const peer = {
    env,
    Tensor,
    AutoTokenizer: { from_pretrained: from_pretrained(tokenizer) },
    AutoModel: { from_pretrained: from_pretrained(model) },
  };
  return { peer: peer as unknown as Peer, model, asked, news: [] };
}

const start = (options: TransformersModelOptions = {}, more: Partial<Start> = {}): Start => ({
  settings: readSettings({ normalize: false, ...options }),
  device: "wasm",
  moduleUrl: null,
  wasmPaths: null,
  localModelPath: null,
  allowRemoteModels: true,
  cache: true,
  ...more,
});

const open = (from: World, told = start(), gpu?: Gpu) =>
  openTransformer(
    told,
    async () => from.peer,
    gpu,
    (news) => from.news.push(news),
  );

const embed = async (from: World, texts: string[], options?: TransformersModelOptions) => {
  const model = await open(from, start(options));
  const done: number[] = [];
  const vectors = await model.embed(texts, "", { turn: async () => {}, onEmbedded: (texts) => done.push(texts) });
  return { vectors: [...vectors], done };
};

describe("pooling", () => {
  /** Two texts of up to two tokens; the second has one, and is filled up. */
  const tokens = { data: [1, 2, 3, 6, 5, 5, 99, 99], length: 2, dimension: 2, lengths: [2, 1] };
  test.each([
    [
      "mean",
      [
        [2, 4],
        [5, 5],
      ],
    ],
    [
      "cls",
      [
        [1, 2],
        [5, 5],
      ],
    ],
    [
      "last_token",
      [
        [3, 6],
        [5, 5],
      ],
    ],
  ] as const)("by %s", (pooling, expected) => {
    expect(pool(tokens, pooling).map((vector) => [...vector])).toEqual(expected);
  });
  test("zeros have no unit length", () => {
    expect([...toUnitLength(Float32Array.of(0, 0))]).toEqual([0, 0]);
    expect([...toUnitLength(Float32Array.of(3, 4))]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  });
});

describe("texts", () => {
  test("have their vectors in order, whatever the batches, and the filling counts for nothing", async () => {
    const { vectors } = await embed(world(), ["4 8", "7", "1 2 3"]);
    expect(vectors).toEqual([6, 1, 7, 1, 2, 1]);
  });
  test("of several windows have their mean", async () => {
    // Eight tokens are read at once, and two of them again.
    const { vectors } = await embed(world(), ["1 1 1 1 1 1 3 3 3 3"]);
    expect(vectors).toEqual([(12 / 8 + 3) / 2, 1]);
  });
  test("without tokens have zeros, alone too", async () => {
    expect((await embed(world(), ["", "5"])).vectors).toEqual([0, 0, 5, 1]);
    expect((await embed(world(), [""])).vectors).toEqual([0, 0]);
  });
  test("are counted as they are done", async () => {
    expect((await embed(world(), ["", "1", "2 3"])).done.at(-1)).toBe(3);
  });
  test("go in batches that are within the limits, each once, the shorter first", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2048 }), { maxLength: 200 }), (lengths) => {
        const batches = batchesOf(lengths.map((length, text) => ({ text, ids: new Array<number>(length).fill(1) })));
        for (const batch of batches) {
          const longest = Math.max(...batch.map(({ ids }) => ids.length));
          expect(batch.length).toBeLessThanOrEqual(limits.modelBatchTexts);
          expect(batch.length * longest).toBeLessThanOrEqual(limits.modelBatchTokens);
        }
        const order = batches.flat();
        expect(order.map(({ ids }) => ids.length)).toEqual(lengths.toSorted((a, b) => a - b));
        expect(order.map(({ text }) => text).toSorted((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      }),
    );
  });
  test("of a model that answers something else are an error that says what", async () => {
    await expect(embed(world(), ["1"], { pooling: "model" })).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: 'The model answers last_hidden_state, and not "sentence_embedding": it needs another pooling',
    });
  });
});

describe("loading", () => {
  test("tells how far it is, and of what there is at the end", async () => {
    const from = world();
    await open(from);
    expect(from.news[0]).toEqual({ kind: "progress", progress: { file: "a.onnx", loadedBytes: 10, totalBytes: 90 } });
    expect(from.news.at(-1)).toEqual({
      kind: "loaded",
      model: { model: "Xenova/all-MiniLM-L6-v2", device: "wasm", dtype: "fp32", maxTokens: 8, withoutWebGpu: null, version: "4.0.0" },
    });
    expect(from.asked.map(({ name }) => name)).toEqual(["Xenova/all-MiniLM-L6-v2", "Xenova/all-MiniLM-L6-v2"]);
  });
  test("leaves the library as it is where nothing is said, and else tells it", async () => {
    const [plain, told] = [world(), world()];
    await open(plain);
    expect(plain.peer.env).toMatchObject({ allowRemoteModels: true, allowLocalModels: false, useBrowserCache: true, useWasmCache: true });
    expect(plain.peer.env.backends.onnx.wasm!.wasmPaths).toBe("cdn");
    await open(told, start({}, { localModelPath: "/m/", allowRemoteModels: false, cache: false, wasmPaths: "https://app.test/ort/" }));
    expect(told.peer.env).toMatchObject({ allowRemoteModels: false, allowLocalModels: true, localModelPath: "/m/" });
    expect(told.peer.env).toMatchObject({ useBrowserCache: false, useWasmCache: false });
    expect(told.peer.env.backends.onnx.wasm!.wasmPaths).toBe("https://app.test/ort/");
    await open(told, start({}, { wasmPaths: "bundled" }));
    expect(told.peer.env.backends.onnx.wasm!.wasmPaths).toBeUndefined();
  });
  test("reads as many tokens as it is told, and no more than the model can", async () => {
    const from = world();
    await open(from, start({ maxTokens: 8 }));
    await expect(open(from, start({ maxTokens: 9 }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "maxTokens is 9, and the model reads 8 tokens at once",
    });
  });
});

describe("a device", () => {
  const none: Gpu = { requestAdapter: async () => null };
  const refusing: Gpu = { requestAdapter: () => Promise.reject(new Error("lost")) };
  const there: Gpu = { requestAdapter: async () => ({}) };
  const loaded = async (device: Start["device"], gpu?: Gpu) => {
    const from = world();
    await open(from, start({}, { device }), gpu);
    const last = from.news.at(-1)!;
    return last.kind === "loaded" ? [last.model.device, last.model.withoutWebGpu] : [];
  };
  test("is WebGPU where there is one, and WebAssembly with the reason where there is none", async () => {
    expect(await loaded("auto", there)).toEqual(["webgpu", null]);
    expect(await loaded("webgpu", there)).toEqual(["webgpu", null]);
    expect(await loaded("wasm", there)).toEqual(["wasm", null]);
    expect(await loaded("auto")).toEqual(["wasm", "workers of this browser have no WebGPU"]);
    expect(await loaded("auto", none)).toEqual(["wasm", "the browser has WebGPU, but no adapter for it"]);
    expect(await loaded("auto", refusing)).toEqual(["wasm", "the browser gives no adapter for WebGPU: lost"]);
  });
  test("that was asked for by name is an error where there is none", async () => {
    await expect(loaded("webgpu", none)).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("no adapter for it"),
    });
  });
});

test.each([
  ["no available backend found", {}, /Hugging Face: no available backend found; say by wasmPaths/],
  ["Unexpected token '<'", {}, /answers 404, and no page, .*, and delete the cache/],
  ["Unexpected token '<'", { cache: false, localModelPath: "/m/" }, /from \/m\/ or Hugging Face: .*for a file that it has not$/],
  ["this.tokenizer is not a function", { localModelPath: "/m/", allowRemoteModels: false }, /from \/m\/: .*; there is no such model/],
] as const)("a model of which loading says %j", async (said, more, message) => {
  await expect(open(world(new Error(said)), start({}, more))).rejects.toMatchObject({
    code: "EMBEDDING_FUNCTION",
    message: expect.stringMatching(message),
  });
});

test("a library that is not there, or another one", async () => {
  const missing = openTransformer(
    start(),
    () => Promise.reject(new Error("404")),
    undefined,
    () => {},
  );
  await expect(missing).rejects.toMatchObject({
    message: expect.stringMatching(/^@huggingface\/transformers cannot be loaded: 404; install it/),
  });
  const other = openTransformer(
    start({}, { moduleUrl: "https://a.test/x.js" }),
    async () => ({}) as Peer,
    undefined,
    () => {},
  );
  await expect(other).rejects.toMatchObject({
    message: expect.stringMatching(/^https:\/\/a\.test\/x\.js is not @huggingface\/transformers/),
  });
});
