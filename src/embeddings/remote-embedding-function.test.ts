/** Batches, retries, progress and abort, the same for all providers; of which Mistral stands for those with few tokens. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { batchesOf } from "./batches.js";
import { MistralEmbeddingFunction as Mistral } from "./mistral.js";
import type { RemoteOptions } from "./remote-embedding-function.js";

type Answer = () => Response | Promise<Response>;

/** Each text as a vector of its length. */
function embeds(init: RequestInit): Response {
  const { input } = JSON.parse(init.body as string) as { input: string[] };
  return Response.json({ data: input.map((text) => ({ embedding: [text.length] })) });
}

let asked: string[][] = [];
let times: number[] = [];
let answers: Answer[] = [];

beforeEach(() => {
  asked = [];
  times = [];
  answers = [];
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    times.push(Date.now());
    asked.push((JSON.parse(init.body as string) as { input: string[] }).input);
    const answer = answers.shift();
    const response = answer === undefined ? embeds(init) : answer();
    const aborted = new Promise<never>((_, reject) => init.signal!.addEventListener("abort", () => reject(init.signal!.reason)));
    return Promise.race([response, aborted]);
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const mistral = (options: RemoteOptions = {}) => new Mistral({ apiKey: "k", ...options });
const never: Answer = () => new Promise<Response>(() => {});
const refused =
  (status: number, body = "", headers: Record<string, string> = {}): Answer =>
  () =>
    new Response(body, { status, headers });

test("texts go in batches of the provider's limits, or fewer if asked, and vectors come in the order of the texts", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => "a".repeat(i + 1));
  expect(await mistral().generate(texts)).toEqual(texts.map((text) => [text.length]));
  expect(asked.map((batch) => batch.length)).toEqual([128, 128, 44]);
  asked = [];
  await mistral({ batchSize: 2 }).generate(["a", "b", "c"]);
  expect(asked).toEqual([["a", "b"], ["c"]]);
});

test("tokens are counted by bytes; a text that is too long alone goes alone", () => {
  expect(batchesOf(["abc", "\u6f6e\u6c50", "abc", "a"], { texts: 9, tokens: 3 })).toEqual([
    ["abc", "\u6f6e\u6c50"],
    ["abc", "a"],
  ]);
  expect(batchesOf(["a".repeat(99), "b"], { texts: 9, tokens: 3 })).toEqual([["a".repeat(99)], ["b"]]);
  expect(batchesOf([], { texts: 9 })).toEqual([]);
});

test("identical texts are embedded once, and nothing is sent for none", async () => {
  expect(await mistral().generate(["a", "bb", "a"])).toEqual([[1], [2], [1]]);
  expect(asked).toEqual([["a", "bb"]]);
  expect(await mistral().generate([])).toEqual([]);
  expect(asked).toHaveLength(1);
});

test("as many requests are under way as allowed, and progress is told after each", async () => {
  const progress: unknown[] = [];
  let release = () => {};
  answers = [() => new Promise((resolve) => (release = () => resolve(Response.json({ data: [{ embedding: [1] }] })))), never, never];
  void mistral({ batchSize: 1, concurrency: 2 })
    .generate(["a", "b", "c"], { onProgress: (told) => progress.push(told) })
    .catch(() => {});
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual([["a"], ["b"]]);
  release();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toEqual([["a"], ["b"], ["c"]]);
  expect(progress).toEqual([{ embedded: 1, total: 3 }]);
});

test("what may pass by itself is asked again, later each time", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  answers = [refused(500), refused(429), () => Promise.reject(new TypeError("Failed to fetch"))];
  const begun = Date.now();
  const made = mistral().generate(["a"]);
  await vi.runAllTimersAsync();
  expect(await made).toEqual([[1]]);
  expect(times.map((time) => time - begun)).toEqual([0, 500, 1500, 3500]);
});

test.each([
  ["seconds", "3", 3000],
  ["a date", new Date(Date.UTC(2030, 0, 1, 0, 0, 3)).toUTCString(), 3000],
])("a provider's own wait counts: %s", async (_, value, ms) => {
  vi.setSystemTime(Date.UTC(2030, 0, 1));
  answers = [refused(429, "", { "Retry-After": value })];
  const made = mistral().generate(["a"]);
  await vi.advanceTimersByTimeAsync(ms - 10);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10);
  expect(await made).toEqual([[1]]);
});

test.each([
  [
    "a key that is not taken",
    refused(401, '{"error":{"message":"Incorrect API key"}}'),
    "answered 401 (POST https://api.mistral.ai/v1/embeddings): Incorrect API key",
    { status: 401 },
  ],
  [
    "a bad request, with the reason elsewhere",
    refused(400, '{"message":"too long"}'),
    "answered 400 (POST https://api.mistral.ai/v1/embeddings): too long",
    { status: 400 },
  ],
  [
    "a limit for longer than anybody waits",
    refused(429, "quota", { "Retry-After": "3600" }),
    "answered 429",
    { status: 429, retryAfterMs: 3_600_000 },
  ],
  [
    "something else than JSON",
    () => new Response("<html>"),
    "answered what is no JSON (POST https://api.mistral.ai/v1/embeddings): <html>",
    {},
  ],
  ["JSON without vectors", () => Response.json({ hello: 1 }), "answered something without vectors", {}],
  ["too few vectors", () => Response.json({ data: [] }), "answered 0 vectors for 1 texts", {}],
])("%s is an error at once", async (_, answer, message, details) => {
  answers = [answer as Answer];
  const failure = expect(mistral().generate(["a"])).rejects.toMatchObject({
    code: "EMBEDDING_FUNCTION",
    message: expect.stringContaining(`mistral ${message}`),
    details,
  });
  await failure;
  expect(asked).toHaveLength(1);
});

test("what does not pass ends after the retries allowed, and says what was", async () => {
  answers = [refused(503, "busy"), refused(503, "busy"), refused(503, "still busy")];
  const failure = expect(mistral({ maxRetries: 2 }).generate(["a"])).rejects.toThrow(
    "answered 503 (POST https://api.mistral.ai/v1/embeddings): still busy",
  );
  await vi.runAllTimersAsync();
  await failure;
  expect(asked).toHaveLength(3);
  answers = [() => Promise.reject(new TypeError("Failed to fetch"))];
  await expect(mistral({ maxRetries: 0 }).generate(["a"])).rejects.toThrow(
    "could not be reached (POST https://api.mistral.ai/v1/embeddings): Failed to fetch",
  );
});

test("an abort ends requests and waits, and is told as what it is", async () => {
  const reason = new Error("enough");
  for (const answer of [never, refused(503)]) {
    asked = [];
    answers = [answer];
    const controller = new AbortController();
    const failure = expect(mistral().generate(["a"], { signal: controller.signal })).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(10);
    controller.abort(reason);
    await failure;
    expect(asked).toHaveLength(1);
  }
  await expect(mistral().generate(["a"], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(asked).toHaveLength(1);
});

test("the first failure ends the other requests", async () => {
  const ended: unknown[] = [];
  answers = [never, refused(400, "bad")];
  const real = globalThis.fetch;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    init.signal!.addEventListener("abort", () => ended.push(url));
    return real(url, init);
  });
  await expect(mistral({ batchSize: 1 }).generate(["a", "b", "c"])).rejects.toThrow("answered 400");
  expect(ended).toHaveLength(2);
  expect(asked).toEqual([["a"], ["b"]]);
});
