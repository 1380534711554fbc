import fc from "fast-check";
import MiniSearch from "minisearch";
import { expect, test } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import { atOnce } from "../../base/steps.js";
import { limits } from "../../limits.js";
import { defaultAnalyzer } from "./analyzer.js";
import { isSpaceless } from "./spaceless.js";
import { type TextHits, TextIndex } from "./text-index.js";
import type { TextSearchOptions } from "./text-query.js";
import { YoungIndex } from "./young-index.js";

const all = new Bitmap(100_000);
all.words.fill(0xffffffff);
const noTick = () => undefined;

const tokenize = (text: string) => defaultAnalyzer.analyze(text).flatMap(({ term, kind }) => (kind === "word" ? term : []));

function indexOf(documents: readonly (string | null)[]): YoungIndex {
  const index = new YoungIndex();
  documents.forEach((document, ordinal) => atOnce(index.set(ordinal, document)));
  return index;
}

function search(
  index: YoungIndex | YoungIndex[],
  query: string,
  options: Partial<TextSearchOptions> = {},
  tick = noTick,
): Promise<TextHits> {
  return new TextIndex([index].flat()).search(query, { nResults: 1000, prefix: false, fuzzy: 0, allowed: all, ...options }, tick);
}

const found = async (index: YoungIndex, query: string, options?: Partial<TextSearchOptions>) => [
  ...(await search(index, query, options)).ordinals,
];

const words = ["tide", "tidal", "pool", "pools", "sea", "shore", "crab", "crabs", "wave", "waves", "salt", "sand", "日本", "ẹ̀kọ́"];
const sentence = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((list) => list.join(" "));

/** Hits by ordinal, scores to the precision that the order of additions leaves. */
function comparable(hits: TextHits): Map<number, [score: string, terms: string[]]> {
  const rows = [...hits.ordinals].map((ordinal, i) => [ordinal, [hits.scores[i]!.toPrecision(10), hits.terms[i]!]] as const);
  return new Map(rows.sort((a, b) => a[0] - b[0]) as [number, [string, string[]]][]);
}

test("scores are BM25 by the textbook", async () => {
  const documents = ["tide pool tide", "pool of the sea at the shore", "sand", "the the the"];
  const tokens = documents.map((document) => tokenize(document));
  const average = tokens.reduce((sum, list) => sum + list.length, 0) / tokens.length;
  const score = (query: string[], list: string[]) =>
    query.reduce((sum, term) => {
      const containing = tokens.filter((other) => other.includes(term)).length;
      const idf = Math.log(1 + (tokens.length - containing + 0.5) / (containing + 0.5));
      const frequency = list.filter((token) => token === term).length;
      return sum + (idf * frequency * 2.2) / (frequency + 1.2 * (0.25 + (0.75 * list.length) / average));
    }, 0);
  const expected = tokens
    .map((list, ordinal) => ({ ordinal, score: score(["the", "tide", "the", "pool"], list) }))
    .filter((hit) => hit.score > 0)
    .sort((a, b) => b.score - a.score);
  const hits = await search(indexOf(documents), "the tide, the pool");
  expect([...hits.ordinals]).toEqual(expected.map((hit) => hit.ordinal));
  expected.forEach((hit, i) => expect(hits.scores[i]).toBeCloseTo(hit.score, 10));
});

test("prefix and fuzzy rank as MiniSearch does with the same parameters", async () => {
  // Those without spaces have terms beside their words, of which MiniSearch knows nothing.
  const spaced = words.filter((word) => !isSpaceless(word));
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(fc.constantFrom(...spaced), { maxLength: 12 }).map((list) => list.join(" ")),
        { maxLength: 20 },
      ),
      fc.constantFrom(...spaced),
      fc.boolean(),
      fc.constantFrom(0, 0.2, 0.4),
      async (documents, term, prefix, fuzzy) => {
        // One length for all documents: MiniSearch counts distinct terms there, the index counts tokens.
        const even = documents.map((document) => [...new Set(document.split(" ").filter(Boolean))].join(" "));
        const plain = new MiniSearch({ fields: ["text"], tokenize, processTerm: (token) => token, autoVacuum: false });
        plain.addAll(even.map((text, id) => ({ id, text })));
        const expected = plain.search(term, { prefix, fuzzy, bm25: { k: 1.2, b: 0.75, d: 0 } });
        const hits = await search(indexOf(even), term, { prefix, fuzzy });
        expect([...hits.ordinals].sort()).toEqual(expected.map((hit) => hit.id as number).sort());
        expected.forEach((hit, i) => expect(hits.scores[i]).toBeCloseTo(hit.score, 10));
      },
    ),
  );
});

test("a fixed number of hits, best first, equal scores in order of insertion", async () => {
  const index = indexOf(["sea", "sea sea", "sea", "sea", "shore"]);
  expect(await found(index, "sea")).toEqual([1, 0, 2, 3]);
  expect(await found(index, "sea", { nResults: 2 })).toEqual([1, 0]);
  expect(await found(index, "sea", { nResults: 0 })).toEqual([]);
  const crowd = indexOf(Array.from({ length: 500 }, (_, i) => `sea${" sand".repeat((i * 7) % 10)}`));
  expect(await found(crowd, "sea", { nResults: 30 })).toEqual((await found(crowd, "sea")).slice(0, 30));
});

test("terms that may have been meant by one, with the documents that have them now", async () => {
  const index = indexOf(["tide tidal", "tide pool", "tides", "pool"]);
  index.hide(2);
  const near = async (term: string, prefix: boolean, editDistance: number) =>
    (await new TextIndex([index]).near(term, { prefix, editDistance }, noTick))
      .map(({ term: known, documents }) => `${known} ${documents}`)
      .sort();
  expect(await near("tid", true, 0)).toEqual(["tidal 1", "tide 2"]);
  expect(await near("tidy", false, 1)).toEqual(["tide 2"]);
  expect(await near("pool", true, 2)).toEqual(["pool 2"]);
  expect(await near("tides", false, 0)).toEqual([]);
});

test("a query without terms finds nothing", async () => {
  const index = indexOf(["sea", "", "🌊"]);
  for (const query of ["", "  ", "🌊!", "\ud800"]) expect(await found(index, query, { prefix: true, fuzzy: 1 })).toEqual([]);
  expect(await found(index, "absent")).toEqual([]);
});

test("replacing and deleting takes the old document out of hits and scores", async () => {
  const index = indexOf(["salt sand", "salt salt", "sand shore", null]);
  atOnce(index.set(1, "shore crab"));
  atOnce(index.set(0, null));
  index.hide(0);
  atOnce(index.set(3, "salt"));
  expect(index.has(0)).toBe(false);
  expect(index.documents).toBe(3);
  const fresh = indexOf([null, "shore crab", "sand shore", "salt"]);
  for (const query of ["salt", "shore", "sand", "crab shore"])
    expect(comparable(await search(index, query))).toEqual(comparable(await search(fresh, query)));
});

test("only allowed documents are found, with the scores of the whole collection", async () => {
  const index = indexOf(["sea shore", "sea", "shore", "sea sand"]);
  const whole = await search(index, "sea");
  const some = await search(index, "sea", { allowed: Bitmap.of([0, 2, 3]), nResults: 2 });
  expect([...some.ordinals]).toEqual([0, 3]);
  expect([...some.scores]).toEqual([whole.scores[1], whole.scores[2]]);
  expect(await found(index, "sea", { allowed: new Bitmap() })).toEqual([]);
});

test("prefix completes the last term only", async () => {
  const index = indexOf(["tidal wave", "tide pool", "pools"]);
  expect(await found(index, "tid")).toEqual([]);
  expect((await found(index, "tid", { prefix: true })).sort()).toEqual([0, 1]);
  expect((await found(index, "tid poo", { prefix: true })).sort()).toEqual([1, 2]);
  expect((await search(index, "tid", { prefix: true, nResults: 1 })).terms).toEqual([["tide"]]);
});

test("a boosted word counts that many times, in whatever form, with what is near it and its parts", async () => {
  const index = indexOf(["tide pool", "Café", "tideWatch", "ebb", "tidy"]);
  const scoresOf = async (query: string, options: Partial<TextSearchOptions>) => {
    const { ordinals, scores } = await search(index, query, options);
    return new Map([...ordinals].map((ordinal, i) => [ordinal, scores[i]!]));
  };
  const query = "tide cafe ebb watch";
  const plain = await scoresOf(query, { fuzzy: 0.3 });
  const boosts = [
    { text: "Tide", factor: 3 },
    { text: "café", factor: 0.5 },
    { text: "absent", factor: 9 },
  ];
  const boosted = await scoresOf(query, { fuzzy: 0.3, boosts });
  expect(boosted.get(0)).toBeCloseTo(3 * plain.get(0)!, 10);
  expect(boosted.get(4)).toBeCloseTo(3 * plain.get(4)!, 10);
  expect(boosted.get(1)).toBeCloseTo(0.5 * plain.get(1)!, 10);
  expect(boosted.get(3)).toBe(plain.get(3));
});

test("fuzzy allows a share of the term's length", async () => {
  const index = indexOf(["crab", "crabs", "shore"]);
  expect(await found(index, "crib")).toEqual([]);
  expect(await found(index, "crib", { fuzzy: 0.25 })).toEqual([0]);
  expect(await found(index, "crib", { fuzzy: 0.5 })).toEqual([0, 1]);
  // A share of 1 is the whole term, not one letter.
  expect((await found(index, "chart", { fuzzy: 1 })).sort()).toEqual([0, 1, 2]);
});

test.each([
  ["Größe der Straße", "STRASSE straße"],
  ["ojó́ kìíní nínú oṣù ẹ̀rẹ̀nà", "Ẹ̀RẸ̀NÀ".normalize("NFD")],
  ["ذهبت إلى المكتبة", "المكتبة"],
  ["我喜欢北京的秋天", "北京"],
  ["東京に住んでいます", "東京"],
  ["ผมชอบกินข้าวผัด", "ข้าวผัด"],
  ["constructor __proto__ 2024", "2024 proto constructor"],
  ["tide \ud83c pool 🌊", "pool \udf0a"],
])("finds in %j what %j asks for", async (document, query) => {
  const index = indexOf(["something else", document]);
  expect(await found(index, query)).toEqual([1]);
});

test("terms are the document's, in order", async () => {
  const index = indexOf(["2024 crabs of Größe and 10 pools"]);
  expect((await search(index, "pool größe crab 10 2024", { fuzzy: 0.25 })).terms).toEqual([["10", "2024", "crabs", "größe", "pools"]]);
});

test("a very long document and a very long word", async () => {
  const long = `${"tide ".repeat(70_000)}${"x".repeat(300_000)} end`;
  const index = indexOf([long, "tide"]);
  expect((await found(index, "tide")).sort()).toEqual([0, 1]);
  expect(await found(index, "x".repeat(1000), { fuzzy: 0.1 })).toEqual([0]);
});

test("a query of too many terms is refused by name", async () => {
  const query = Array.from({ length: limits.queryTermsMax + 1 }, (_, i) => `t${i}`).join(" ");
  await expect(search(indexOf(["t1"]), query)).rejects.toThrow(/1025 distinct terms.*queryTermsMax/);
  expect(await found(indexOf(["t1"]), "t1 ".repeat(5000))).toEqual([0]);
});

test("after any history, and divided in any way, an index answers like a fresh one", async () => {
  const operation = fc.record({ ordinal: fc.nat(15), document: fc.option(sentence, { freq: 4 }), part: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 40 }),
      fc.array(fc.tuple(sentence, fc.boolean(), fc.constantFrom(0, 0.3)), { minLength: 1, maxLength: 5 }),
      async (operations, queries) => {
        const documents: (string | null)[] = Array.from({ length: 16 }, () => null);
        const parts = [new YoungIndex(), new YoungIndex(), new YoungIndex()];
        for (const { ordinal, document, part } of operations) {
          documents[ordinal] = document;
          for (const index of parts) index.hide(ordinal);
          atOnce(parts[part]!.set(ordinal, document));
        }
        for (const [query, prefix, fuzzy] of queries) {
          // To the last bit, and equal ones in the same order.
          expect(await search(parts, query, { prefix, fuzzy })).toEqual(await search(indexOf(documents), query, { prefix, fuzzy }));
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("terms are walked by code unit", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sentence, { maxLength: 8 }),
      fc.constantFrom("", "t", "ti", "tidal", "pools", "z"),
      async (documents, prefix) => {
        const walked: string[] = [];
        for await (const { term } of indexOf(documents).beginning(prefix, noTick)) walked.push(term);
        const terms = new Set(documents.flatMap((document) => defaultAnalyzer.analyze(document).map(({ term }) => term)));
        expect(walked).toEqual([...terms].filter((term) => term.startsWith(prefix)).sort());
      },
    ),
  );
});

test("a long document and a broad query are cut into steps of bounded work", async () => {
  const index = new YoungIndex();
  let steps = 0;
  const document = Array.from({ length: 100_000 }, (_, i) => `w${i % 7000}`).join(" ");
  for (const _ of index.set(0, document)) steps++;
  expect(steps).toBeGreaterThanOrEqual(100_000 / 2048 - 1);
  for (let ordinal = 1; ordinal < 40_000; ordinal++) atOnce(index.set(ordinal, "tide"));
  steps = 0;
  await search(index, "tide", { nResults: 10 }, () => void steps++);
  expect(steps).toBeGreaterThanOrEqual(4);
  steps = 0;
  const query = Array.from({ length: 50 }, (_, i) => `w${i}xx`).join(" ");
  await search(index, query, { nResults: 10, fuzzy: 1 }, () => void steps++);
  expect(steps).toBeGreaterThanOrEqual(50 * 6);
});

test("a document that is left halfway is not there, and its terms count for nothing", async () => {
  const index = indexOf(["sea shore", "sea"]);
  const steps = index.set(2, "sea ".repeat(10_000));
  steps.next();
  steps.return();
  expect(index.has(2)).toBe(false);
  expect(comparable(await search(index, "sea"))).toEqual(comparable(await search(indexOf(["sea shore", "sea"]), "sea")));
  atOnce(index.set(2, "sea"));
  expect(comparable(await search(index, "sea"))).toEqual(comparable(await search(indexOf(["sea shore", "sea", "sea"]), "sea")));
});

test("a single character of a script without spaces is found wherever it stands", async () => {
  const documents = ["南京市长江大桥", "长江。", "江", "黄河", "江南好", "データベース", "ภาษาไทย", "I like 江湖"];
  const index = indexOf(documents);
  const named = async (query: string, options?: Partial<TextSearchOptions>) => (await found(index, query, options)).sort((a, b) => a - b);
  expect(await named("江")).toEqual([0, 1, 2, 4, 7]);
  expect((await found(index, "江")).slice(0, 2)).toEqual([1, 2]);
  expect(await named("好")).toEqual([4]);
  expect(await named("桥 河")).toEqual([0, 3]);
  expect(await named("ス")).toEqual([5]);
  expect(await named("water 湖")).toEqual([7]);
  // Of several characters the pairs say more.
  expect(await named("长江")).toEqual([0, 1]);
  expect(await named("江南", { prefix: true })).toEqual([4]);
});

test("tells how many of the query's terms the hits have, however many forms and other terms stand for each", async () => {
  const once = ["a tide", "a pool", "the sea"];
  const often = [...once, "tidal tides TIDÉ tidé", "pools poolside póol", "tidewater", "crab"];
  const countIn = async (documents: string[], query: string, options?: Partial<TextSearchOptions>) =>
    (await search(indexOf(documents), query, options)).found;
  for (const documents of [once, often]) {
    expect(await countIn(documents, "tide pool nothing")).toBe(2);
    expect(await countIn(documents, "tide tidé pool", { fuzzy: 0.4, prefix: true })).toBe(2);
    expect(await countIn(documents, "tide pool", { synonyms: [["tide", "sea"]] })).toBe(2);
  }
  expect(await countIn(often, "tide pool crab", { allowed: Bitmap.of([0, 3]) })).toBe(1);
  expect(await countIn(often, "tide pool crab", { nResults: 0 })).toBe(0);
});

test("of what takes more than the index to know, the best are asked about, and others until there are enough", async () => {
  const index = indexOf(Array.from({ length: 1000 }, (_, i) => `tide ${"sand ".repeat(i % 50)}`));
  const everything = [...(await search(index, "tide")).ordinals];
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 200 }), async (nResults, every) => {
      let asked = 0;
      const accept = async (ordinals: Uint32Array) => {
        asked += ordinals.length;
        return Bitmap.of(ordinals.filter((ordinal) => ordinal % every === 0));
      };
      const hits = [...(await search(index, "tide", { nResults, accept })).ordinals];
      expect(hits).toEqual(everything.filter((ordinal) => ordinal % every === 0).slice(0, nResults));
      if (every === 1) expect(asked).toBeLessThanOrEqual(80);
      expect(asked).toBeLessThanOrEqual(1000);
    }),
    { numRuns: 50 },
  );
});
