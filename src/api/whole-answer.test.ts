/** Both ends of an answer that comes in parts, with messages that are cloned as between page and worker. */
import { serialize } from "node:v8";
import { describe, expect, test } from "vitest";
import { limits } from "../core/limits.js";
import { AnswerParts } from "../worker/answer-parts.js";
import { wholeAnswer } from "./whole-answer.js";

const LARGE = 3 * limits.answerPartBytes;

/** What the page makes of an answer, and the sizes of the messages that brought it. */
async function cross(answer: unknown): Promise<{ whole: unknown; sizes: number[] }> {
  const sizes: number[] = [];
  const send = <T>(message: T): T => {
    sizes.push(serialize(message).byteLength);
    return structuredClone(message);
  };
  const answers = new AnswerParts();
  const more = async (cut: string) => send(answers.more(cut));
  return { whole: await wholeAnswer(send(answers.begin(answer, "r-1")), more), sizes };
}

function columns(records: number) {
  return {
    ids: Array.from({ length: records }, (_, i) => `r${i}`),
    documents: Array.from({ length: records }, (_, i) => (i % 7 === 0 ? null : `${i} ${"tide ".repeat(40)}`)),
    metadatas: Array.from({ length: records }, (_, i) => ({ year: i, tags: ["a", "b"], __proto__: null })),
    uris: null,
    embeddings: { dimension: 96, values: Float32Array.from({ length: 96 * records }, (_, i) => i) },
  };
}

describe("an answer", () => {
  const whatever: [string, unknown][] = [
    ["of records", columns(5000)],
    ["of queries", { ...columns(5000), counts: [2000, 3000], distances: new Float32Array(5000).fill(0.5) }],
    [
      "of a text search",
      { ...columns(5000), embeddings: null, scores: new Float64Array(5000).fill(NaN), terms: Array(5000).fill(["ebb"]) },
    ],
    ["of searches", [columns(3000), { ...columns(0), scores: null }, { ...columns(3000), select: ["#id"] }]],
    [
      "of facets",
      [0, 1].map((n) => ({ key: `k${n}`, values: columns(9000).ids, counts: new Float64Array(9000).fill(n), distinct: 9000, missing: n })),
    ],
    ["that is a list", Array.from({ length: 20_000 }, (_, i) => ({ name: `collection ${i}`, metadata: { i }, dimension: null }))],
    ["with a cell that is larger than a part", { ids: ["a", "b"], documents: ["x".repeat(LARGE), "b"] }],
  ];
  test.each(whatever)("%s comes in parts, and is put together as it was", async (_, answer) => {
    const { whole, sizes } = await cross(answer);
    expect(whole).toEqual(structuredClone(answer));
    expect(sizes.length).toBeGreaterThan(1);
  });

  test("takes as many messages as its size needs, none of which is much larger than a part", async () => {
    const { sizes } = await cross(columns(20_000));
    expect(Math.max(...sizes)).toBeLessThan(1.1 * limits.answerPartBytes);
    const all = sizes.reduce((sum, size) => sum + size);
    expect(sizes.length).toBeLessThan((3 * all) / limits.answerPartBytes);
  });

  test.each([undefined, null, 7, "x".repeat(LARGE), { count: 1 }, columns(10), []])(
    "that is small, or nothing to be cut, comes as it is",
    async (answer) => {
      const { whole, sizes } = await cross(answer);
      expect(whole).toEqual(answer);
      expect(sizes).toHaveLength(1);
    },
  );
});
