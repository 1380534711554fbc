import { describe, expect, test, vi } from "vitest";
import { HashingEmbeddingFunction } from "./hashing-embedding-function.js";
import { Slice } from "./slice.js";

const fn = new HashingEmbeddingFunction();

async function embed(text: string): Promise<number[]> {
  return (await fn.generate([text]))[0]!;
}

async function similarity(a: string, b: string): Promise<number> {
  const [x, y] = (await fn.generate([a, b])) as [number[], number[]];
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
}

test("embeddings have the dimension asked for and unit length", async () => {
  for (const dimension of [8, 384, 1000]) {
    const texts = ["tide", "The spring tide follows the new moon.", "向量数据库", "a1 2 3", "ﬁne ＷＩＤＥ"];
    for (const embedding of await new HashingEmbeddingFunction({ dimension }).generate(texts)) {
      expect(embedding).toHaveLength(dimension);
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
    }
  }
});

test("a text without a letter or digit is the zero vector", async () => {
  for (const text of ["", " \n", "?!… 🙂"]) expect(await embed(text)).toEqual(new Array(384).fill(0));
});

test("numbers are float32 already, so that storing loses nothing", async () => {
  const embedding = await embed("ebb and flow");
  expect(Array.from(Float32Array.from(embedding))).toEqual(embedding);
});

test("the same text has the same embedding everywhere and for ever", async () => {
  const small = new HashingEmbeddingFunction({ dimension: 8 });
  expect(await small.generate(["Tide pools", "東京タワー", "naïve café"])).toMatchInlineSnapshot(`
    [
      [
        -0.23154819011688232,
        -0.31630071997642517,
        0.6567160487174988,
        -0.31630071997642517,
        0.31630071997642517,
        -0.31630071997642517,
        -0.12197840958833694,
        0.31630071997642517,
      ],
      [
        0,
        0,
        0,
        -0.7745966911315918,
        0.25819888710975647,
        0.25819888710975647,
        -0.5163977742195129,
        0,
      ],
      [
        -0.24302293360233307,
        0,
        0.10145436227321625,
        -0.24302293360233307,
        -0.26308006048202515,
        0.506102979183197,
        -0.7388051748275757,
        -0.020057110115885735,
      ],
    ]
  `);
});

test("a long word has the features of any word, and gives turns", async () => {
  const short = "tidepool".repeat(100);
  for (const word of ["tide", "潮だ", "𠮷野"]) {
    const long = word.repeat(Math.ceil(100_000 / word.length));
    const ticks = vi.spyOn(Slice.prototype, "tick");
    const embedding = await embed(long);
    expect(ticks.mock.calls.length).toBeGreaterThan(50);
    ticks.mockRestore();
    expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  }
  // The last letter makes a word long that is worked on whole without it: their features are nearly those of each other.
  expect(await similarity(short.repeat(2).slice(0, 1024), short.repeat(2).slice(0, 1025))).toBeGreaterThan(0.7);
});

test("case, width and composition of characters make no difference", async () => {
  expect(await embed("Café ＴＩＤＥ ﬁn")).toEqual(await embed("cafe\u0301 tide fin"));
});

describe("similar texts are nearer", () => {
  test.each([
    ["tide pools", "pools of the tide", "mountain railway"],
    ["swimming", "swimmer", "railway"],
    ["recieve", "receive", "mountain"],
    ["向量数据库很快", "数据库", "登山铁路"],
    ["東京タワーに行く", "東京タワー", "大阪城"],
    ["ทะเลสวย", "ทะเล", "ภูเขา"],
    ["приливы и отливы", "прилив", "гора"],
  ])("%s: %s before %s", async (text, near, far) => {
    expect(await similarity(text, near)).toBeGreaterThan((await similarity(text, far)) + 0.1);
  });

  test("repeating a word counts less and less", async () => {
    const once = await similarity("tide moon", "tide");
    const often = await similarity(`${"tide ".repeat(9)}moon`, "tide");
    expect(often).toBeGreaterThan(once);
    expect(await similarity(`${"tide ".repeat(9)}moon`, "moon")).toBeGreaterThan(0.15);
  });
});

test("its configuration builds it again, and a collection cannot change the dimension", () => {
  const other = new HashingEmbeddingFunction({ dimension: 64 });
  expect(HashingEmbeddingFunction.buildFromConfig(other.getConfig()).dimension).toBe(64);
  expect(() => fn.validateConfigUpdate(other.getConfig())).toThrow(/dimension is 384 and cannot become 64/);
  fn.validateConfigUpdate(fn.getConfig());
});

test.each([7, 4097, 1.5, "384"])("a dimension of %j is refused", (dimension) => {
  expect(() => new HashingEmbeddingFunction({ dimension: dimension as number })).toThrow(/whole number of 8 … 4096/);
});
