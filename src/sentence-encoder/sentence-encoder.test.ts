/** The function in the page against its service, with a worker in between that is none, and a model that is fast. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServedWorker } from "../testing/served-worker.js";
import { type Encoder, textByText } from "./encoder.js";
import type { LoadProgress } from "./load-progress.js";
import { SentenceEncoder } from "./sentence-encoder.js";

/** What the last worker was asked to load, and how; what was embedded, in order. */
let world: { workers: FakeWorker[]; modelUrls: (string | null)[]; embedded: string[]; failure: Error | null; gate: Promise<void> };

/** Embeds a text as its length, after as many turns as it has characters. */
const model = {
  embed: async (text: string, turn: () => Promise<void>) => {
    for (const _ of text) await turn();
    world.embedded.push(text);
    return new Float32Array(512).fill(text.length);
  },
} as unknown as Encoder;

class FakeWorker extends ServedWorker<{ modelUrl: string | null }, LoadProgress> {
  constructor() {
    super(async ({ modelUrl }, onProgress) => {
      world.modelUrls.push(modelUrl);
      onProgress({ loadedBytes: 5, totalBytes: 10 });
      await world.gate;
      if (world.failure !== null) throw world.failure;
      return textByText(model);
    });
    world.workers.push(this);
  }
}

beforeEach(() => {
  world = { workers: [], modelUrls: [], embedded: [], failure: null, gate: Promise.resolve() };
  vi.stubGlobal("Worker", FakeWorker);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const lengths = (vectors: Float32Array[]): number[] => vectors.map((vector) => vector[0]!);
const running = (): number => world.workers.filter(({ isRunning }) => isRunning).length;

describe("calls", () => {
  test("get a vector per text, in order, equal texts being embedded once", async () => {
    const encoder = new SentenceEncoder();
    const vectors = await encoder.generate(["ab", "abc", "ab"]);
    expect(lengths(vectors)).toEqual([2, 3, 2]);
    expect(vectors[0]).toHaveLength(512);
    expect(world.embedded).toEqual(["ab", "abc"]);
    encoder.close();
  });
  test("of no texts need no worker", async () => {
    expect(await new SentenceEncoder().generate([])).toEqual([]);
    expect(world.workers).toHaveLength(0);
  });
  test("are served one after the other, by one worker", async () => {
    const encoder = new SentenceEncoder();
    const answers = await Promise.all([encoder.generate(["aaaa"]), encoder.generate(["b"]), encoder.generate(["cc", "d"])]);
    expect(answers.map(lengths)).toEqual([[4], [1], [2, 1]]);
    expect(world.embedded).toEqual(["aaaa", "b", "cc", "d"]);
    expect(world.workers).toHaveLength(1);
    encoder.close();
  });
  test("tell how far they are", async () => {
    const told: object[] = [];
    const encoder = new SentenceEncoder();
    await encoder.generate(["a", "b", "a"], { onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([
      { embedded: 1, total: 2 },
      { embedded: 2, total: 2 },
    ]);
    encoder.close();
  });
});

describe("a signal", () => {
  test("that has fired is an error before anything is loaded", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(new SentenceEncoder().generate(["a"], { signal })).rejects.toThrow("enough");
    expect(world.workers).toHaveLength(0);
  });
  test("ends its call, within a text too, and no other", async () => {
    const encoder = new SentenceEncoder();
    const stop = new AbortController();
    await encoder.load();
    const long = encoder.generate(["x".repeat(10_000), "y"], { signal: stop.signal });
    const waiting = encoder.generate(["z"], { signal: stop.signal });
    const other = encoder.generate(["w"]);
    stop.abort(new Error("enough"));
    await expect(long).rejects.toThrow("enough");
    await expect(waiting).rejects.toThrow("enough");
    expect(lengths(await other)).toEqual([1]);
    expect(world.embedded).toEqual(["w"]);
    encoder.close();
  });
  test("may fire while the model is being loaded", async () => {
    let open = (): void => {};
    world.gate = new Promise((resolve) => (open = resolve));
    const encoder = new SentenceEncoder();
    const stop = new AbortController();
    const call = encoder.generate(["a"], { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    open();
    expect(lengths(await encoder.generate(["bb"]))).toEqual([2]);
    expect(world.embedded).toEqual(["bb"]);
    encoder.close();
  });
});

describe("the worker", () => {
  test("tells how far its model is loaded, which is from the address that is given", async () => {
    const told: object[] = [];
    vi.stubGlobal("location", { href: "https://example.org/app/index.html" });
    const encoder = new SentenceEncoder({ modelUrl: "models/encoder.bin", onProgress: (progress) => told.push(progress) });
    await encoder.load();
    expect(told).toEqual([{ loadedBytes: 5, totalBytes: 10 }]);
    expect(world.modelUrls).toEqual(["https://example.org/app/models/encoder.bin"]);
    encoder.close();
  });
  test("ends when it has been idle, and another one begins with the next call", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const encoder = new SentenceEncoder({ idleMs: 1000 });
    await encoder.generate(["a"]);
    vi.advanceTimersByTime(999);
    await encoder.generate(["b"]);
    vi.advanceTimersByTime(999);
    expect(running()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(running()).toBe(0);
    expect(lengths(await encoder.generate(["cc"]))).toEqual([2]);
    expect(world.workers).toHaveLength(2);
    encoder.close();
  });
  test("that cannot load its model fails every call, and is tried again by the next", async () => {
    world.failure = new Error("no such file");
    const encoder = new SentenceEncoder();
    const calls = [encoder.generate(["a"]), encoder.load()];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION", message: "no such file" });
    expect(running()).toBe(0);
    world.failure = null;
    expect(lengths(await encoder.generate(["a"]))).toEqual([1]);
    encoder.close();
  });
  test("whose script is missing fails every call, with the reason", async () => {
    world.gate = new Promise(() => {});
    // The worker is said to be beside the sources, in files.
    vi.stubGlobal("location", new URL("file:///app/page"));
    vi.stubGlobal("fetch", async () => new Response("", { status: 404, headers: { "content-type": "text/plain" } }));
    const encoder = new SentenceEncoder();
    const calls = [encoder.generate(["a".repeat(1000)]), encoder.load()];
    world.workers[0]!.onerror!({ message: "" });
    for (const call of calls)
      await expect(call).rejects.toMatchObject({
        code: "NOT_SUPPORTED",
        message: expect.stringMatching(
          /The worker of SentenceEncoder cannot run here: .*status 404.*optimizeDeps.*put sentence-encoder-worker.js/,
        ),
      });
    expect(running()).toBe(0);
  });
  test("that fails at work fails every call, with what it says", async () => {
    const encoder = new SentenceEncoder();
    const call = encoder.generate(["a".repeat(1000)]);
    world.workers[0]!.onerror!({ message: "out of memory" });
    await expect(call).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: "The worker of SentenceEncoder failed: out of memory",
    });
    expect(running()).toBe(0);
  });
  test("ends when nobody waits for the loading any more", async () => {
    world.gate = new Promise(() => {});
    const encoder = new SentenceEncoder();
    const [stop, later] = [new AbortController(), new AbortController()];
    const loads = [encoder.load({ signal: stop.signal }), encoder.load({ signal: later.signal })];
    stop.abort(new Error("enough"));
    await expect(loads[0]).rejects.toThrow("enough");
    expect(running()).toBe(1);
    later.abort(new Error("enough"));
    await expect(loads[1]).rejects.toThrow("enough");
    expect(running()).toBe(0);
  });
  test("is missing where there are none", async () => {
    vi.stubGlobal("Worker", undefined);
    await expect(new SentenceEncoder().load()).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });
});

test("close ends the worker and what waits for it", async () => {
  const encoder = new SentenceEncoder();
  const call = encoder.generate(["a".repeat(1000)]);
  encoder.close();
  await expect(call).rejects.toMatchObject({ code: "CLOSED" });
  await expect(encoder.load()).rejects.toMatchObject({ code: "CLOSED" });
  expect(running()).toBe(0);
});

describe("functions without options", () => {
  test("share a worker, and closing one ends its own calls only", async () => {
    const [one, other] = [new SentenceEncoder(), SentenceEncoder.buildFromConfig({ model: "universal-sentence-encoder-lite-int8" })];
    const calls = [one.generate(["a".repeat(1000)]), other.generate(["bb"])] as const;
    one.close();
    await expect(calls[0]).rejects.toMatchObject({ code: "CLOSED" });
    expect(lengths(await calls[1])).toEqual([2]);
    expect(world.workers).toHaveLength(1);
    other.close();
    expect(running()).toBe(0);
  });
  test("do not share with those that have some", async () => {
    const [one, other] = [new SentenceEncoder(), new SentenceEncoder({ idleMs: 5 })];
    await Promise.all([one.load(), other.load()]);
    expect(world.workers).toHaveLength(2);
    one.close();
    other.close();
  });
});

describe("what is stored", () => {
  test("builds the function again", () => {
    const config = new SentenceEncoder().getConfig();
    expect(config).toEqual({ model: "universal-sentence-encoder-lite-int8" });
    expect(SentenceEncoder.buildFromConfig(config).getConfig()).toEqual(config);
  });
  test("is refused when it is another model", () => {
    expect(() => SentenceEncoder.buildFromConfig({ model: "glove" })).toThrow('got "glove"');
    expect(() => new SentenceEncoder().validateConfigUpdate({ model: "glove" })).toThrow('got "glove"');
    new SentenceEncoder().validateConfigUpdate(new SentenceEncoder().getConfig());
  });
});

test.each([
  [{ modelUrl: "" }, 'modelUrl must be the address of a file, got ""'],
  [{ modelUrl: 7 }, "modelUrl must be the address of a file, got 7"],
  [{ onProgress: "loud" }, 'onProgress must be a function, got "loud"'],
  [{ idleMs: -1 }, "idleMs must be a whole number of 0 … 2147483647, got -1"],
  [{ url: "x" }, 'SentenceEncoder has no argument "url"; it takes modelUrl, onProgress, idleMs'],
])("%j is refused", (options, message) => {
  expect(() => new SentenceEncoder(options as object)).toThrow(message);
});
