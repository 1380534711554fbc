import { stem } from "porter2";
import { expect, test } from "vitest";
import { Bm25EmbeddingFunction, type Bm25EmbeddingFunctionOptions } from "./bm25-embedding-function.js";
import {
  getSparseEmbeddingFunction,
  knownSparseEmbeddingFunctions,
  registerSparseEmbeddingFunction,
} from "./schema/sparse-embedding-function.js";

const fn = new Bm25EmbeddingFunction();
const embed = async (text: string) => (await fn.generate([text]))[0]!;
const all = (value: number, count: number) => Array.from({ length: count }, () => value);

/** What `@chroma-core/chroma-bm25@0.1.10` answers. */
test.each([
  [
    "The ebb uncovers the tidal pools; crabs hide under the weed.",
    [143287254, 310274930, 513763790, 707997092, 1551545304, 1623727181, 1826592933],
    all(1.6608670008846949, 7),
  ],
  [
    "Spring tides follow the new moon. Tide, tide, tides!",
    [379986839, 422208903, 743596221, 1363869086, 2144378426],
    [...all(1.6564705882352944, 4), 2.0332129963898917],
  ],
  ["what does the moon do to tides", [1363869086, 2144378426], all(1.6832038254632398, 2)],
  ["the of", [], []],
  ["", [], []],
])("%j has the vector that Chroma's package gives it", async (text, indices, values) => {
  expect(await embed(text)).toEqual({ indices, values });
  expect(await fn.generateForQueries([text])).toEqual([{ indices, values }]);
});

test("seven words of the text that Chroma's own clients are held to have these indices", async () => {
  const { indices, values } = await embed("The space-time continuum WARPS near massive objects...");
  expect(indices).toEqual([90097469, 519064992, 737893654, 1110755108, 1950894484, 2031641008, 2058513491]);
  for (const value of values) expect(value).toBeCloseTo(1.660867, 6);
});

test.each([
  ["tide", 2144378426],
  ["ebb", 1551545304],
  ["generously", 1068447005],
  ["photosynthesis", 1715511817],
])("%s stands under %i", async (word, index) => {
  expect((await embed(word)).indices).toEqual([index]);
});

test.each([
  ["grüße", 1418952266],
  ["東京", 1765863102],
  ["ärger", 818244848],
])("%s is hashed as UTF-8", async (word, index) => {
  expect((await embed(word)).indices).toEqual([index]);
});

test("the words of English are reduced as NLTK's and Snowball's users know it", () => {
  expect(["generously", "photosynthesis", "skies", "dying", "news", "agreed"].map(stem)).toEqual([
    "generous",
    "photosynthesi",
    "sky",
    "die",
    "news",
    "agre",
  ]);
});

test("words longer than allowed, and stop words in whatever case, count for nothing", async () => {
  const [long] = await fn.generate([`tide ${"a".repeat(41)} THE Of don't`]);
  expect(long).toEqual(await embed("tide"));
  const [kept] = await fn.generate(["x".repeat(40)]);
  expect(kept!.indices).toHaveLength(1);
  const [own] = await new Bm25EmbeddingFunction({ stopwords: ["Tide"], tokenMaxLength: 3 }).generate(["TIDE the tide pools"]);
  expect(own).toEqual((await new Bm25EmbeddingFunction({ stopwords: [] }).generate(["the"]))[0]);
});

test("a long text is embedded as a short one, and words at the ends of its pieces are counted once", async () => {
  const text = "tide pool ".repeat(10_000);
  const { indices, values } = await embed(text);
  const weight = (10_000 * 2.2) / (10_000 + 1.2 * (0.25 + (0.75 * 20_000) / 256));
  expect([indices.length, values]).toEqual([2, [weight, weight]]);
});

test("it is built again from its configuration, and k, b and the length of texts count", async () => {
  const options = { k: 2, b: 0.5, avgDocLength: 10, tokenMaxLength: 20, stopwords: ["tide"] };
  const other = new Bm25EmbeddingFunction(options);
  expect(other.getConfig()).toEqual({ k: 2, b: 0.5, avg_doc_length: 10, token_max_length: 20, stopwords: ["tide"] });
  const again = Bm25EmbeddingFunction.buildFromConfig({ ...other.getConfig(), include_tokens: true });
  expect(again.getConfig()).toEqual(other.getConfig());
  expect((await again.generate(["pool pool crab"]))[0]!.values.toSorted()).toEqual([3 / (1 + 2 * 0.65), 6 / (2 + 2 * 0.65)].toSorted());
  expect(fn.getConfig()).toEqual({ k: 1.2, b: 0.75, avg_doc_length: 256, token_max_length: 40 });
});

test.each([
  [{ k: -1 }, "k must be a number of 0 or more, got -1"],
  [{ b: 1.5 }, "b must be a number of 0 … 1, got 1.5"],
  [{ avgDocLength: 0 }, "avgDocLength must be a number above 0, got 0"],
  [{ tokenMaxLength: 1.5 }, "tokenMaxLength must be a whole number of 1 or more, got 1.5"],
  [{ stopwords: ["a", 1] }, "stopwords[1] is 1"],
  [{ avg_doc_length: 3 }, 'has no argument "avg_doc_length"'],
])("%j is refused", (options, message) => {
  expect(() => new Bm25EmbeddingFunction(options as Bm25EmbeddingFunctionOptions)).toThrow(message);
});

test("a configuration with a field that it does not know is refused", () => {
  expect(() => fn.validateConfigUpdate({ k: 1 })).not.toThrow();
  expect(() => fn.validateConfigUpdate({ avgDocLength: 1 } as never)).toThrow('has no argument "avgDocLength"');
});

test("a stored chroma_bm25 is built without being registered, unless a class of the page's own is", async () => {
  const stored = { type: "known", name: "chroma_bm25", config: { k: 3 } } as const;
  const built = await getSparseEmbeddingFunction(undefined, stored);
  expect(built).toBeInstanceOf(Bm25EmbeddingFunction);
  expect(built!.getConfig!()).toMatchObject({ k: 3, b: 0.75 });

  class Own extends Bm25EmbeddingFunction {
    static override buildFromConfig(): Own {
      return new Own();
    }
  }
  registerSparseEmbeddingFunction("chroma_bm25", Own);
  try {
    expect(await getSparseEmbeddingFunction(undefined, stored)).toBeInstanceOf(Own);
  } finally {
    knownSparseEmbeddingFunctions.delete("chroma_bm25");
  }
});
