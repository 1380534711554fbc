import type { EmbeddingModelV3 } from "@ai-sdk/provider";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openTestClient } from "../testing/client.js";
import { fromAiSdk } from "./ai-sdk.js";

type Call = Parameters<EmbeddingModelV3["doEmbed"]>[0];
type Answer = Awaited<ReturnType<EmbeddingModelV3["doEmbed"]>>;

let calls: Call[] = [];
let underWay = 0;
let mostUnderWay = 0;

beforeEach(() => {
  calls = [];
  underWay = mostUnderWay = 0;
});
afterEach(() => void vi.useRealTimers());

/** Each text as a vector of its length. */
async function lengths(call: Call): Promise<Answer> {
  calls.push(call);
  mostUnderWay = Math.max(mostUnderWay, ++underWay);
  await Promise.resolve();
  underWay--;
  return { embeddings: call.values.map((text) => [text.length, 1]), warnings: [] };
}

const model = (parts: Partial<EmbeddingModelV3> = {}): EmbeddingModelV3 => ({
  specificationVersion: "v3",
  provider: "tides.embedding",
  modelId: "moon-1",
  maxEmbeddingsPerCall: 2,
  supportsParallelCalls: true,
  doEmbed: lengths,
  ...parts,
});

/** As `APICallError` of the SDK. */
function callError(isRetryable: boolean, after?: string): Error {
  return Object.assign(new Error("too many"), { isRetryable, responseHeaders: after === undefined ? {} : { "retry-after": after } });
}

test("texts go in calls of the model's size, identical ones once, and vectors come in their order", async () => {
  expect(await fromAiSdk(model()).generate(["a", "bb", "a", "ccc"])).toEqual([
    [1, 1],
    [2, 1],
    [1, 1],
    [3, 1],
  ]);
  expect(calls.map(({ values }) => values)).toEqual([["a", "bb"], ["ccc"]]);
  expect(mostUnderWay).toBe(2);
  calls = [];
  await fromAiSdk(model({ maxEmbeddingsPerCall: Promise.resolve(undefined) })).generate(["a", "b", "c"]);
  expect(calls).toHaveLength(1);
  expect(await fromAiSdk(model()).generate([])).toEqual([]);
});

test("a model that does not support it has one call at a time", async () => {
  await fromAiSdk(model({ supportsParallelCalls: false }), { concurrency: 3, batchSize: 1 }).generate(["a", "b", "c"]);
  expect([calls.length, mostUnderWay]).toEqual([3, 1]);
});

test("options for documents and for queries go with the texts", async () => {
  const options = {
    providerOptions: { tides: { task: "document" } },
    queryProviderOptions: { tides: { task: "query" } },
    headers: { a: "b" },
  };
  const fn = fromAiSdk(model(), options);
  await fn.generate(["a"]);
  await fn.generateForQueries!(["a"]);
  expect(calls.map(({ providerOptions, headers }) => [providerOptions, headers])).toEqual([
    [{ tides: { task: "document" } }, { a: "b" }],
    [{ tides: { task: "query" } }, { a: "b" }],
  ]);
});

test("a call whose error says so is made again, after as long as the answer asked for", async () => {
  vi.useFakeTimers();
  const failures = [callError(true, "7")];
  const times: number[] = [];
  const doEmbed = (call: Call) => {
    times.push(Date.now());
    const failure = failures.shift();
    return failure ? Promise.reject(failure) : lengths(call);
  };
  const embedded = fromAiSdk(model({ doEmbed })).generate(["a"]);
  await vi.runAllTimersAsync();
  expect(await embedded).toEqual([[1, 1]]);
  expect(times[1]! - times[0]!).toBe(7000);
});

test.each([
  ["an error that is for good", () => Promise.reject(callError(false)), /ai-sdk\/tides.embedding\/moon-1 failed: too many/],
  ["too few vectors", async () => ({ embeddings: [], warnings: [] }), /answered 0 embeddings for 1 texts/],
  ["something else", async () => ({}) as Answer, /answered undefined embeddings for 1 texts/],
])("%s is an error that names the model", async (_, doEmbed, message) => {
  await expect(fromAiSdk(model({ doEmbed })).generate(["a"])).rejects.toMatchObject({
    code: "EMBEDDING_FUNCTION",
    message: expect.stringMatching(message),
  });
});

test("the signal reaches the model, and its reason the caller", async () => {
  const abort = new AbortController();
  const doEmbed = ({ abortSignal }: Call) =>
    new Promise<Answer>((_, reject) => {
      abortSignal!.addEventListener("abort", () => reject(abortSignal!.reason));
      abort.abort(new Error("enough"));
    });
  await expect(fromAiSdk(model({ doEmbed })).generate(["a"], { signal: abort.signal })).rejects.toThrow("enough");
});

test("a signal that fires before the first call is heard", async () => {
  const abort = new AbortController();
  const embedded = fromAiSdk(model()).generate(["a"], { signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(embedded).rejects.toThrow("enough");
  expect(calls).toEqual([]);
});

test.each([
  [() => fromAiSdk("text-embedding-3-small" as never), /model of fromAiSdk must be an embedding model/],
  [() => fromAiSdk(model(), { batch: 3 } as never), /fromAiSdk has no option "batch"/],
  [() => fromAiSdk(model(), { batchSize: 0 }), /batchSize of fromAiSdk must be a whole number from 1/],
])("bad arguments are refused: %#", (make, message) => expect(make).toThrow(message));

test("a collection knows its model by name: it is given again, and no other one", async () => {
  const client = openTestClient();
  const notes = await client.createCollection({ name: "notes", embeddingFunction: fromAiSdk(model()) });
  await notes.add({ ids: ["a", "b"], documents: ["tide", "a long one"] });
  const again = await client.getCollection({ name: "notes", embeddingFunction: fromAiSdk(model()) });
  expect((await again.query({ queryTexts: ["four"], nResults: 1 })).ids).toEqual([["a"]]);
  const without = await client.getCollection({ name: "notes" });
  await expect(without.query({ queryTexts: ["four"] })).rejects.toThrow(/pass embeddingFunction/);
  const other = client.getCollection({ name: "notes", embeddingFunction: fromAiSdk(model({ modelId: "moon-2" })) });
  await expect(other).rejects.toThrow(/conflict: new: "ai-sdk\/tides.embedding\/moon-2"/);
});
