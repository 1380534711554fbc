/**
 * Models of `@huggingface/transformers` in a page under the strictest policy, with ONNX Runtime's own WebAssembly and a model that is
 * made here: all comes from the page's origin, and the suite fails when anything was asked of another.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { isTriedIn } from "../tools/browser/left-out.mjs";
import { target } from "../tools/browser/target.js";
import type * as Transformed from "./pages/transformed.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";
import { TINY_TOKENS, writeTinyModel } from "./support/tiny-model.js";

/** Where a package's built files are. */
function distOf(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(name));
}

let models: string;
const suite = useSuite(async () => {
  models = await mkdtemp(join(tmpdir(), "tidepool-models-"));
  await writeTinyModel(join(models, "test/tiny"));
  return serveApp({ beside: { models, ort: distOf("onnxruntime-web"), transformers: distOf("@huggingface/transformers") } });
});
afterAll(() => rm(models, { recursive: true }));

const origins = new Set<string>();
beforeAll(() => {
  suite.context.on("request", (request) => origins.add(new URL(request.url()).origin));
});

/** In a tab of its own. */
async function inPage<T>(use: (page: Awaited<ReturnType<typeof openTab>>) => Promise<T>): Promise<T> {
  const page = await openTab(suite.context, suite.app);
  try {
    return await use(page);
  } finally {
    await page.close();
  }
}

test("a collection finds by meaning, says where it computes, and reopens with its function", async () => {
  const written = await inPage((page) => page.evaluate(async () => (await load<typeof Transformed>("transformed")).write("transformed")));
  expect(written.model).toEqual({
    model: "test/tiny",
    device: "wasm",
    dtype: "fp32",
    maxTokens: TINY_TOKENS,
    withoutWebGpu: null,
    version: expect.stringMatching(/^4\./),
  });
  expect(written.nearest).toEqual(["s0", "s1"]);
  const [loadedBytes, totalBytes] = written.loaded;
  expect(loadedBytes).toBeGreaterThan(1000);
  expect(loadedBytes).toBe(totalBytes);
  const again = await inPage((page) => page.evaluate(async () => (await load<typeof Transformed>("transformed")).ask("transformed")));
  expect(again).toEqual(["s0", "s1"]);
});

const embed = (texts: string[], options: object = {}): Promise<{ vectors: number[][]; told: number[] }> =>
  inPage((page) =>
    page.evaluate(async ([texts, options]) => (await load<typeof Transformed>("transformed")).embed(texts, options), [
      texts,
      options,
    ] as const),
  );

test.runIf(isTriedIn(target))("gives the numbers of the model, whatever the batch, by each pooling", async () => {
  const texts = ["boats", "boats music", "unheard words only", "boats"];
  const { vectors, told } = await embed(texts);
  expect(vectors.map((vector) => vector.slice(0, 3).map((value) => value.toFixed(5)))).toEqual([
    ["1.00000", "0.00000", "0.00000"],
    ["0.70711", "0.70711", "0.00000"],
    ["0.00000", "0.00000", "0.00000"],
    ["1.00000", "0.00000", "0.00000"],
  ]);
  expect(told.at(-1)).toBe(3);
  const plain = await embed(["boats music"], { normalize: false });
  expect(plain.vectors[0]!.slice(0, 3)).toEqual([0.25, 0.25, 0]);
  const own = await embed(["boats music"], { pooling: "model" });
  expect(own.vectors[0]![1]).toBeCloseTo(Math.SQRT1_2, 5);
  const first = await embed(["boats music"], { pooling: "cls" });
  expect(first.vectors[0]!.slice(0, 3)).toEqual([0, 0, 0]);
});

test.runIf(isTriedIn(target))("reads long texts in windows, or their beginning", async () => {
  const long = `${"boats ".repeat(12)}${"music ".repeat(12)}`;
  const [windows] = (await embed([long])).vectors;
  // Of ten tokens two are special, and two of the other eight are those of the window before: of four windows the second has six boats.
  const [boats, music] = [1 + 6 / Math.hypot(6, 2), 2 / Math.hypot(6, 2) + 1 + 1];
  expect(windows![0]).toBeCloseTo(boats / Math.hypot(boats, music), 5);
  expect(windows![1]).toBeCloseTo(music / Math.hypot(boats, music), 5);
  const [beginning] = (await embed([long], { longTexts: "truncate" })).vectors;
  expect(beginning!.slice(0, 2)).toEqual([1, 0]);
});

const loading = (options: object): Promise<object> =>
  inPage((page) => page.evaluate(async (options) => (await load<typeof Transformed>("transformed")).load(options), options));

test("says which device it takes where the choice is its own", async () => {
  const chosen = (await loading({ device: "auto" })) as { device: string; withoutWebGpu: string | null };
  expect(["webgpu", "wasm"]).toContain(chosen.device);
  expect(chosen.withoutWebGpu === null).toBe(chosen.device === "webgpu");
});

test.skipIf(target === "firefox")("computes on WebGPU, where there is one, what it computes without", async () => {
  const profile = await createProfile();
  const args = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];
  const context = await openBrowser(profile, { args });
  try {
    const page = await openTab(context, suite.app);
    const found = await page.evaluate(async () => {
      const { load: loadModel, embed } = await load<typeof Transformed>("transformed");
      return { model: await loadModel({ device: "webgpu" }), ...(await embed(["boats music", "office"], { device: "webgpu" })) };
    });
    expect(found.model).toMatchObject({ device: "webgpu", withoutWebGpu: null });
    expect(found.vectors.map((vector) => vector.slice(0, 3).map((value) => value.toFixed(4)))).toEqual([
      ["0.7071", "0.7071", "0.0000"],
      ["0.0000", "0.0000", "1.0000"],
    ]);
  } finally {
    await context.close();
    await removeProfile(profile);
  }
});

test.each([
  [
    "a model that is not there",
    { model: "test/missing" },
    /test\/missing \(fp32, wasm\) cannot be loaded from \/models\/: .*; there is no such model/,
  ],
  ["a dtype that is not there", { dtype: "q8" }, /test\/tiny \(q8, wasm\) cannot be loaded from \/models\/: .*model_quantized\.onnx/],
  [
    "a library that is not there",
    { moduleUrl: "transformers/missing.js" },
    /transformers\/missing\.js cannot be loaded: .*transformers\.min\.js/,
  ],
  ["another library", { moduleUrl: "package/index.js" }, /is not @huggingface\/transformers, of which version 4 is needed/],
  ["WebAssembly that is not there", { wasmPaths: "nowhere/" }, /test\/tiny .* cannot be loaded.*; say by wasmPaths where/],
])("%s is an error that says so", async (_, options, message) => {
  expect(await loading(options)).toEqual({ code: "EMBEDDING_FUNCTION", message: expect.stringMatching(message) });
});

test("nothing was asked of another origin", () => {
  origins.delete("null");
  expect([...origins]).toEqual([new URL(suite.app.url).origin]);
});
