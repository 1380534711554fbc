/** What each provider is sent, byte for byte, and what is made of its answer; by a server on this machine, in place of them all. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { EmbeddingFunction } from "../api/embedding-function.js";
import type { SparseEmbeddingFunction } from "../api/schema/sparse-embedding-function.js";
import * as providers from "../embeddings.js";

interface Asked {
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

const asked: Asked[] = [];
let answers: { status?: number; headers?: Record<string, string>; body: string }[] = [];
let server: Server;

const realFetch = globalThis.fetch;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      asked.push({ url: String(request.headers["x-asked-url"]), headers: request.headers, body: Buffer.concat(chunks).toString() });
      const { status = 200, headers = {}, body } = answers.shift() ?? { status: 500, body: "no answer is left" };
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
    realFetch(`http://127.0.0.1:${port}/`, { ...init, headers: { ...(init.headers as Record<string, string>), "x-asked-url": url } }),
  );
});

afterAll(async () => {
  vi.unstubAllGlobals();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  asked.length = 0;
  answers = [];
});

const openAIAnswer = '{"data":[{"embedding":[1,2]},{"embedding":[3,4]}]}';
const lists = "[[1,2],[3,4]]";

interface Case {
  fn: EmbeddingFunction;
  url: string;
  /** What is sent for the documents "a" and "b"; and for them as queries, where that differs. */
  body: string;
  query?: string;
  answer: string;
  config: string;
  headers?: Record<string, string>;
}

const apiKey = "secret";
const bearer = { authorization: "Bearer secret" };
const geminiBody = (taskType: string) => {
  const request = (text: string) =>
    `{"model":"models/gemini-embedding-001","content":{"role":"user","parts":[{"text":"${text}"}]},` +
    `"taskType":"${taskType}","outputDimensionality":2}`;
  return `{"requests":[${request("a")},${request("b")}]}`;
};
const toCode = "Given a question about coding, retrieval code or passage that can solve user's question";
const base64 = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString("base64");

const cases: Case[] = [
  {
    fn: new providers.OpenAIEmbeddingFunction({ modelName: "m", apiKey, dimensions: 2, organizationId: "o" }),
    url: "https://api.openai.com/v1/embeddings",
    headers: { ...bearer, "openai-organization": "o" },
    body: '{"input":["a","b"],"model":"m","dimensions":2,"encoding_format":"base64"}',
    answer: `{"data":[{"embedding":"${base64(1, 2)}"},{"embedding":"${base64(3, 4)}"}]}`,
    config: '{"api_key_env_var":"OPENAI_API_KEY","model_name":"m","organization_id":"o","dimensions":2}',
  },
  {
    fn: new providers.OpenAIEmbeddingFunction({ modelName: "m", apiKey: null, apiBase: "http://localhost:1234/v1/" }),
    url: "http://localhost:1234/v1/embeddings",
    headers: {},
    body: '{"input":["a","b"],"model":"m","encoding_format":"base64"}',
    answer: openAIAnswer,
    config: '{"model_name":"m","api_base":"http://localhost:1234/v1/"}',
  },
  {
    fn: new providers.TogetherAIEmbeddingFunction({ modelName: "m", apiKey }),
    url: "https://api.together.xyz/v1/embeddings",
    body: '{"input":["a","b"],"model":"m"}',
    answer: openAIAnswer,
    config: '{"api_key_env_var":"TOGETHER_API_KEY","model_name":"m"}',
  },
  {
    fn: new providers.MistralEmbeddingFunction({ apiKey }),
    url: "https://api.mistral.ai/v1/embeddings",
    body: '{"model":"mistral-embed","input":["a","b"]}',
    answer: openAIAnswer,
    config: '{"api_key_env_var":"MISTRAL_API_KEY","model":"mistral-embed"}',
  },
  {
    fn: new providers.MorphEmbeddingFunction({ apiKey }),
    url: "https://api.morphllm.com/v1/embeddings",
    body: '{"input":["a","b"],"model":"morph-embedding-v2","encoding_format":"float"}',
    answer: openAIAnswer,
    config:
      '{"api_key_env_var":"MORPH_API_KEY","model_name":"morph-embedding-v2",' +
      '"api_base":"https://api.morphllm.com/v1","encoding_format":"float"}',
  },
  {
    fn: new providers.CohereEmbeddingFunction({ apiKey, truncate: "END" }),
    url: "https://api.cohere.com/v1/embed",
    body: '{"model":"embed-english-v3.0","input_type":"search_document","truncate":"END","texts":["a","b"]}',
    query: '{"model":"embed-english-v3.0","input_type":"search_query","truncate":"END","texts":["a","b"]}',
    answer: `{"embeddings":${lists}}`,
    config:
      '{"model_name":"embed-english-v3.0","api_key_env_var":"COHERE_API_KEY",' +
      '"input_type":"search_document","truncate":"END","image":false}',
  },
  {
    fn: new providers.CohereEmbeddingFunction({ apiKey, embeddingType: "int8", modelName: "m", inputType: "clustering" }),
    url: "https://api.cohere.com/v1/embed",
    body: '{"model":"m","input_type":"clustering","embedding_types":["int8"],"texts":["a","b"]}',
    answer: `{"embeddings":{"int8":${lists}}}`,
    config: '{"model_name":"m","api_key_env_var":"COHERE_API_KEY","input_type":"clustering","embedding_type":"int8","image":false}',
  },
  {
    fn: new providers.JinaEmbeddingFunction({ apiKey, modelName: "jina-embeddings-v3", task: "retrieval.passage", normalized: true }),
    url: "https://api.jina.ai/v1/embeddings",
    body: '{"input":["a","b"],"model":"jina-embeddings-v3","task":"retrieval.passage","normalized":true}',
    query: '{"input":["a","b"],"model":"jina-embeddings-v3","task":"retrieval.query","normalized":true}',
    answer: openAIAnswer,
    config: '{"api_key_env_var":"JINA_API_KEY","model_name":"jina-embeddings-v3","task":"retrieval.passage","normalized":true}',
  },
  {
    fn: new providers.GoogleGeminiEmbeddingFunction({ apiKey, dimension: 2 }),
    url: "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents",
    headers: { "x-goog-api-key": "secret" },
    body: geminiBody("RETRIEVAL_DOCUMENT"),
    query: geminiBody("RETRIEVAL_QUERY"),
    answer: '{"embeddings":[{"values":[1,2]},{"values":[3,4]}]}',
    config: '{"api_key_env_var":"GEMINI_API_KEY","model_name":"gemini-embedding-001","task_type":"RETRIEVAL_DOCUMENT","dimension":2}',
  },
  {
    fn: new providers.VoyageAIEmbeddingFunction({ apiKey, modelName: "voyage-3.5", inputType: "document" }),
    url: "https://api.voyageai.com/v1/embeddings",
    body: '{"input":["a","b"],"model":"voyage-3.5","input_type":"document","truncation":true}',
    query: '{"input":["a","b"],"model":"voyage-3.5","input_type":"query","truncation":true}',
    answer: openAIAnswer,
    config: '{"api_key_env_var":"VOYAGE_API_KEY","model_name":"voyage-3.5","input_type":"document","truncation":true}',
  },
  {
    fn: new providers.HuggingFaceEmbeddingFunction({ apiKey }),
    url: "https://router.huggingface.co/hf-inference/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction",
    body: '{"inputs":["a","b"]}',
    answer: lists,
    config: '{"api_key_env_var":"HUGGINGFACE_API_KEY","model_name":"sentence-transformers/all-MiniLM-L6-v2"}',
  },
  {
    fn: new providers.HuggingfaceServerEmbeddingFunction({ url: "http://localhost:8080/embed" }),
    url: "http://localhost:8080/embed",
    headers: {},
    body: '{"inputs":["a","b"]}',
    answer: lists,
    config: '{"url":"http://localhost:8080/embed"}',
  },
  {
    fn: new providers.OllamaEmbeddingFunction(),
    url: "http://localhost:11434/api/embed",
    headers: {},
    body: '{"model":"chroma/all-minilm-l6-v2-f32","input":["a","b"]}',
    answer: `{"embeddings":${lists}}`,
    config: '{"model_name":"chroma/all-minilm-l6-v2-f32","url":"http://localhost:11434"}',
  },
  {
    fn: new providers.CloudflareWorkerAIEmbeddingFunction({ apiKey, accountId: "acc", modelName: "@cf/m", gatewayId: "gate" }),
    url: "https://gateway.ai.cloudflare.com/v1/acc/gate/workers-ai/@cf/m",
    body: '{"text":["a","b"]}',
    answer: `{"result":{"data":${lists}}}`,
    config: '{"account_id":"acc","model_name":"@cf/m","api_key_env_var":"CLOUDFLARE_API_KEY","gateway_id":"gate"}',
  },
  {
    fn: new providers.ChromaCloudQwenEmbeddingFunction({ apiKey, task: "nl_to_code" }),
    url: "https://embed.trychroma.com",
    headers: { "x-chroma-token": "secret", "x-chroma-embedding-model": "Qwen/Qwen3-Embedding-0.6B" },
    body: '{"texts":["a","b"],"instructions":""}',
    query: `{"texts":["a","b"],"instructions":"${toCode}"}`,
    answer: `{"embeddings":${lists},"num_tokens":2}`,
    config:
      '{"model":"Qwen/Qwen3-Embedding-0.6B","task":"nl_to_code",' +
      `"instructions":{"nl_to_code":{"documents":"","query":"${toCode}"}},"api_key_env_var":"CHROMA_API_KEY"}`,
  },
];

describe.each(cases)("$fn.name at $url", ({ fn, url, body, query, answer, config, headers = bearer }) => {
  test("is sent documents and queries as it wants them, and read", async () => {
    answers = [{ body: answer }, { body: answer }];
    expect((await fn.generate(["a", "b"])).map((vector) => [...vector])).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await fn.generateForQueries!(["a", "b"]);
    expect(asked.map((request) => request.url)).toEqual([url, url]);
    expect(asked.map((request) => request.body)).toEqual([body, query ?? body]);
    expect(asked[0]!.headers).toMatchObject({ "content-type": "application/json", ...headers });
    if (!("authorization" in headers)) expect(asked[0]!.headers).not.toHaveProperty("authorization");
  });

  test("stores what Chroma's packages store, and is built from it again", () => {
    expect(JSON.stringify(fn.getConfig!())).toBe(config);
    const again = (fn.constructor as unknown as { buildFromConfig(config: object): EmbeddingFunction }).buildFromConfig(JSON.parse(config));
    expect(JSON.stringify(again.getConfig!())).toBe(config);
    expect(again.name).toBe(fn.name);
    expect(() => fn.validateConfigUpdate!(JSON.parse(config))).not.toThrow();
  });
});

test("SPLADE's sparse vectors come with ascending indices", async () => {
  const fn: SparseEmbeddingFunction = new providers.ChromaCloudSpladeEmbeddingFunction({ apiKey });
  answers = [{ body: '{"embeddings":[{"indices":[7,3],"values":[0.5,0.25]}]}' }];
  expect(await fn.generate(["a"])).toEqual([{ indices: [3, 7], values: [0.25, 0.5] }]);
  expect(asked[0]).toMatchObject({ url: "https://embed.trychroma.com/embed_sparse", body: '{"texts":["a"],"task":"","target":""}' });
  expect(fn.getConfig!()).toEqual({ model: "prithivida/Splade_PP_en_v1", api_key_env_var: "CHROMA_API_KEY" });
});

test("what was stored without a task is asked without one", async () => {
  const fn = providers.GoogleGeminiEmbeddingFunction.buildFromConfig({ api_key_env_var: "K", model_name: "m" }, { credentials: () => "k" });
  answers = [{ body: '{"embeddings":[{"values":[1]}]}' }];
  await fn.generateForQueries(["a"]);
  expect(asked[0]!.body).toBe('{"requests":[{"model":"models/m","content":{"role":"user","parts":[{"text":"a"}]}}]}');
});

test.each([
  ["models that were made for one space", new providers.CohereEmbeddingFunction({ modelName: "embed-multilingual-v2.0" }), ["ip"]],
  ["models of vectors of length 1", new providers.CohereEmbeddingFunction({ modelName: "embed-english-light-v2.0" }), ["cosine"]],
  ["others", new providers.CohereEmbeddingFunction(), ["cosine", "l2", "ip"]],
])("Cohere: %s", (_, fn, spaces) => {
  expect(fn.supportedSpaces()).toEqual(spaces);
  expect(fn.defaultSpace()).toBe(spaces[0]);
});

describe("what cannot be followed is refused", () => {
  const { OpenAIEmbeddingFunction: OpenAI, OllamaEmbeddingFunction: Ollama } = providers;

  test.each([
    ["no model", () => new OpenAI({} as never), "modelName of OpenAIEmbeddingFunction must be a text with something in it, got undefined"],
    ["an unknown option", () => new OpenAI({ modelName: "m", model: "m" } as never), 'OpenAIEmbeddingFunction has no option "model"'],
    ["no options", () => new OpenAI(null as never), "The options of OpenAIEmbeddingFunction must be an object, got null"],
    [
      "dimensions",
      () => new OpenAI({ modelName: "m", dimensions: 0 }),
      "dimensions of OpenAIEmbeddingFunction must be a whole number from 1",
    ],
    ["retries", () => new Ollama({ maxRetries: -1 }), "maxRetries of OllamaEmbeddingFunction must be a whole number from 0, got -1"],
    ["headers", () => new Ollama({ headers: { a: 1 } as never }), "headers of OllamaEmbeddingFunction must be an object of texts"],
    ["Azure", () => OpenAI.buildFromConfig({ model_name: "m", api_type: "azure" }), 'has api_type "azure", which it cannot follow'],
    ["images", () => providers.CohereEmbeddingFunction.buildFromConfig({ image: true }), "has image true, which it cannot follow"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }));
  });

  test("a key that is no text is not shown", () => {
    expect(() => new OpenAI({ modelName: "m", apiKey: ["secret"] as never })).toThrow(/^(?!.*secret)/);
  });

  test("Python's null, its plain OpenAI and what concerns no vector are", () => {
    expect(OpenAI.buildFromConfig({ model_name: "m", api_type: "openai", api_key_env_var: "K", dimensions: null }).getConfig()).toEqual({
      api_key_env_var: "K",
      model_name: "m",
    });
    expect(Ollama.buildFromConfig({ url: "http://o", model_name: "m", timeout: 60 }).getConfig()).toEqual({
      model_name: "m",
      url: "http://o",
    });
  });

  test("another model", () => {
    const fn = new OpenAI({ modelName: "m", dimensions: 2 });
    expect(() => fn.validateConfigUpdate({ ...fn.getConfig(), model_name: "other" })).toThrow(
      'model_name is "m" and cannot become "other"',
    );
    expect(() => fn.validateConfigUpdate({ ...fn.getConfig(), dimensions: 3 })).toThrow("dimensions is 2 and cannot become 3");
    expect(() => fn.validateConfigUpdate({ ...fn.getConfig(), organization_id: "o" })).not.toThrow();
  });
});

describe("the key", () => {
  const { MistralEmbeddingFunction: Mistral } = providers;
  const one = { body: '{"data":[{"embedding":[1]}]}' };

  test("that is missing is an error before anything is sent", async () => {
    for (const fn of [new Mistral(), new Mistral({ apiKey: "" }), new Mistral({ apiKey: () => "" })]) {
      await expect(fn.generate(["a"])).rejects.toMatchObject({
        code: "EMBEDDING_FUNCTION",
        message: "mistral needs a key, and has none: give apiKey to its function, or credentials to the client that restores it",
      });
    }
    expect(asked).toEqual([]);
  });

  test("comes late, and from the client, which is told whose it is", async () => {
    answers = [one, one];
    await new Mistral({ apiKey: async () => "late" }).generate(["a"]);
    const credentials = vi.fn(() => "the client's");
    await Mistral.buildFromConfig({ model: "m" }, { credentials }).generate(["a"]);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(["Bearer late", "Bearer the client's"]);
    expect(credentials).toHaveBeenCalledExactlyOnceWith("mistral");
  });

  test("is not sent to a proxy that has it, which gets the request as it is", async () => {
    answers = [one];
    await new Mistral({ apiKey: null, endpoint: "/embed", headers: { "X-Session": "s" } }).generate(["a"]);
    expect(asked[0]).toMatchObject({ url: "/embed", body: '{"model":"mistral-embed","input":["a"]}' });
    expect(asked[0]!.headers).toMatchObject({ "x-session": "s" });
    expect(asked[0]!.headers).not.toHaveProperty("authorization");
  });
});
