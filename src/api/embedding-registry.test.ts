/** A provider's function in a client of the real engine: found again by another name, given its key, told when nobody waits for it. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { OllamaEmbeddingFunction, TogetherAIEmbeddingFunction } from "../embeddings.js";
import { openTestClient } from "../testing/client.js";
import type { GenerateOptions } from "./embedding-function.js";
import { knownEmbeddingFunctions, registerEmbeddingFunction } from "./embedding-registry.js";

const before = new Set(knownEmbeddingFunctions.keys());
const requests: RequestInit[] = [];

beforeEach(() => {
  requests.length = 0;
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    requests.push(init);
    const { input } = JSON.parse(init.body as string) as { input: string[] };
    return Response.json({ data: input.map((text) => ({ embedding: [text.length, 1] })) });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  for (const name of knownEmbeddingFunctions.keys()) if (!before.has(name)) knownEmbeddingFunctions.delete(name);
});

/** As Chroma's Python client stores it. */
class PythonsTogetherAI extends TogetherAIEmbeddingFunction {
  override readonly name = "together_ai" as "together-ai";
}

test("a collection that another language's package made finds the function, and the client its key", async () => {
  const client = openTestClient({ credentials: async (provider) => `key of ${provider}` });
  await client.createCollection({ name: "letters", embeddingFunction: new PythonsTogetherAI({ modelName: "m", apiKey: "k" }) });
  registerEmbeddingFunction("together-ai", TogetherAIEmbeddingFunction);
  const letters = await client.getCollection({ name: "letters" });
  expect(letters.configuration.embedding_function).toMatchObject({ name: "together_ai" });
  await letters.add({ ids: ["a", "b"], documents: ["four", "five!"] });
  expect(requests.map(({ headers }) => headers)).toEqual([
    { "Content-Type": "application/json", Authorization: "Bearer key of together-ai" },
  ]);
  expect((await letters.query({ queryTexts: ["five!"], nResults: 1 })).ids).toEqual([["b"]]);
  const given = new TogetherAIEmbeddingFunction({ modelName: "m" }, client);
  expect((await client.getCollection({ name: "letters", embeddingFunction: given })).embeddingFunction).toBe(given);
  await expect(client.getCollection({ name: "letters", embeddingFunction: new OllamaEmbeddingFunction() })).rejects.toThrow("conflict");
});

test("names that are taken are refused, and none of the others is registered", () => {
  registerEmbeddingFunction("together_ai", OllamaEmbeddingFunction);
  expect(() => registerEmbeddingFunction("together-ai", TogetherAIEmbeddingFunction)).toThrow(
    "with name together_ai is already registered",
  );
  expect(knownEmbeddingFunctions.has("together-ai")).toBe(false);
});

test("a call that is aborted ends what its function does, writing and asking", async () => {
  const signals: AbortSignal[] = [];
  const generate = (_: string[], { signal }: GenerateOptions = {}) => {
    signals.push(signal!);
    return new Promise<number[][]>(() => {});
  };
  const notes = await openTestClient().createCollection({ name: "notes", embeddingFunction: { generate } });
  for (const call of [
    (signal: AbortSignal) => notes.add({ ids: ["a"], documents: ["x"], signal }),
    (signal: AbortSignal) => notes.query({ queryTexts: ["x"], signal }),
  ]) {
    signals.length = 0;
    const controller = new AbortController();
    const failure = expect(call(controller.signal)).rejects.toMatchObject({ code: "ABORTED" });
    await vi.waitUntil(() => signals.length > 0);
    expect(signals[0]!.aborted).toBe(false);
    controller.abort();
    await failure;
    expect(signals[0]!.aborted).toBe(true);
  }
});

test("credentials that are no function are refused", () => {
  expect(() => openTestClient({ credentials: "secret" as never })).toThrow("credentials must be a function");
});
