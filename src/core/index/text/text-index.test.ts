import fc from "fast-check";
import MiniSearch from "minisearch";
import { expect, test } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import { atOnce } from "../../base/steps.js";
import { limits } from "../../limits.js";
import { defaultAnalyzer } from "./analyzer.js";
import { PieceWriter, pieceBytesMax } from "./pieces.js";
import { isSpaceless } from "./spaceless.js";
import { LAYOUT, type TextHits, TextIndex } from "./text-index.js";
import type { TextSearchOptions } from "./text-query.js";

const all = new Bitmap(100_000);
all.words.fill(0xffffffff);
const noTick = () => undefined;

const tokenize = (text: string) => defaultAnalyzer.analyze(text).flatMap(({ term, kind }) => (kind === "word" ? term : []));

function indexOf(documents: readonly (string | null)[]): TextIndex {
  const index = new TextIndex();
  documents.forEach((document, ordinal) => atOnce(index.set(ordinal, document)));
  return index;
}

function search(index: TextIndex, query: string, options: Partial<TextSearchOptions> = {}): TextHits {
  return atOnce(index.search(query, { nResults: 1000, prefix: false, fuzzy: 0, allowed: all, ...options }));
}

const found = (index: TextIndex, query: string, options?: Partial<TextSearchOptions>) => [...search(index, query, options).ordinals];

async function pieces(index: TextIndex, tick: () => void = noTick): Promise<Uint8Array[]> {
  const list: Uint8Array[] = [];
  for await (const piece of index.serialize(tick)) list.push(piece);
  return list;
}

async function reloaded(index: TextIndex): Promise<TextIndex> {
  return (await TextIndex.load(await pieces(index), noTick))!;
}

const words = ["tide", "tidal", "pool", "pools", "sea", "shore", "crab", "crabs", "wave", "waves", "salt", "sand", "日本", "ẹ̀kọ́"];
const sentence = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((list) => list.join(" "));

/** Hits by ordinal, scores to the precision that the order of additions leaves. */
function comparable(hits: TextHits): Map<number, [score: string, terms: string[]]> {
  const rows = [...hits.ordinals].map((ordinal, i) => [ordinal, [hits.scores[i]!.toPrecision(10), hits.terms[i]!]] as const);
  return new Map(rows.sort((a, b) => a[0] - b[0]) as [number, [string, string[]]][]);
}

test("scores are BM25 by the textbook", () => {
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
  const hits = search(indexOf(documents), "the tide, the pool");
  expect([...hits.ordinals]).toEqual(expected.map((hit) => hit.ordinal));
  expected.forEach((hit, i) => expect(hits.scores[i]).toBeCloseTo(hit.score, 10));
});

test("prefix and fuzzy rank as MiniSearch does with the same parameters", () => {
  // Those without spaces have terms beside their words, of which MiniSearch knows nothing.
  const spaced = words.filter((word) => !isSpaceless(word));
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.constantFrom(...spaced), { maxLength: 12 }).map((list) => list.join(" ")),
        { maxLength: 20 },
      ),
      fc.constantFrom(...spaced),
      fc.boolean(),
      fc.constantFrom(0, 0.2, 0.4),
      (documents, term, prefix, fuzzy) => {
        // One length for all documents: MiniSearch counts distinct terms there, the index counts tokens.
        const even = documents.map((document) => [...new Set(document.split(" ").filter(Boolean))].join(" "));
        const plain = new MiniSearch({ fields: ["text"], tokenize, processTerm: (token) => token, autoVacuum: false });
        plain.addAll(even.map((text, id) => ({ id, text })));
        const expected = plain.search(term, { prefix, fuzzy, bm25: { k: 1.2, b: 0.75, d: 0 } });
        const hits = search(indexOf(even), term, { prefix, fuzzy });
        expect([...hits.ordinals].sort()).toEqual(expected.map((hit) => hit.id as number).sort());
        expected.forEach((hit, i) => expect(hits.scores[i]).toBeCloseTo(hit.score, 10));
      },
    ),
  );
});

test("a fixed number of hits, best first, equal scores in order of insertion", () => {
  const index = indexOf(["sea", "sea sea", "sea", "sea", "shore"]);
  expect(found(index, "sea")).toEqual([1, 0, 2, 3]);
  expect(found(index, "sea", { nResults: 2 })).toEqual([1, 0]);
  expect(found(index, "sea", { nResults: 0 })).toEqual([]);
  const crowd = indexOf(Array.from({ length: 500 }, (_, i) => `sea${" sand".repeat((i * 7) % 10)}`));
  expect(found(crowd, "sea", { nResults: 30 })).toEqual(found(crowd, "sea").slice(0, 30));
});

test("terms that may have been meant by one, with the documents that have them now", () => {
  const index = indexOf(["tide tidal", "tide pool", "tides", "pool"]);
  index.delete(2);
  const near = (term: string, prefix: boolean, editDistance: number) =>
    atOnce(index.near(term, { prefix, editDistance }))
      .map(({ term: known, documents }) => `${known} ${documents}`)
      .sort();
  expect(near("tid", true, 0)).toEqual(["tidal 1", "tide 2"]);
  expect(near("tidy", false, 1)).toEqual(["tide 2"]);
  expect(near("pool", true, 2)).toEqual(["pool 2"]);
  expect(near("tides", false, 0)).toEqual([]);
});

test("a query without terms finds nothing", () => {
  const index = indexOf(["sea", "", "🌊"]);
  for (const query of ["", "  ", "🌊!", "\ud800"]) expect(found(index, query, { prefix: true, fuzzy: 1 })).toEqual([]);
  expect(found(index, "absent")).toEqual([]);
});

test("replacing and deleting takes the old document out of hits and scores", () => {
  const index = indexOf(["salt sand", "salt salt", "sand shore", null]);
  atOnce(index.set(1, "shore crab"));
  atOnce(index.set(0, null));
  index.delete(0);
  atOnce(index.set(3, "salt"));
  expect(index.has(0)).toBe(false);
  expect(index.documentCount).toBe(3);
  const fresh = indexOf([null, "shore crab", "sand shore", "salt"]);
  for (const query of ["salt", "shore", "sand", "crab shore"])
    expect(comparable(search(index, query))).toEqual(comparable(search(fresh, query)));
});

test("only allowed documents are found, with the scores of the whole collection", () => {
  const index = indexOf(["sea shore", "sea", "shore", "sea sand"]);
  const whole = search(index, "sea");
  const some = search(index, "sea", { allowed: Bitmap.of([0, 2, 3]), nResults: 2 });
  expect([...some.ordinals]).toEqual([0, 3]);
  expect([...some.scores]).toEqual([whole.scores[1], whole.scores[2]]);
  expect(found(index, "sea", { allowed: new Bitmap() })).toEqual([]);
});

test("prefix completes the last term only", () => {
  const index = indexOf(["tidal wave", "tide pool", "pools"]);
  expect(found(index, "tid")).toEqual([]);
  expect(found(index, "tid", { prefix: true }).sort()).toEqual([0, 1]);
  expect(found(index, "tid poo", { prefix: true }).sort()).toEqual([1, 2]);
  expect(search(index, "tid", { prefix: true, nResults: 1 }).terms).toEqual([["tide"]]);
});

test("a boosted word counts that many times, in whatever form, with what is near it and its parts", () => {
  const index = indexOf(["tide pool", "Café", "tideWatch", "ebb", "tidy"]);
  const scoresOf = (query: string, options: Partial<TextSearchOptions>) => {
    const { ordinals, scores } = search(index, query, options);
    return new Map([...ordinals].map((ordinal, i) => [ordinal, scores[i]!]));
  };
  const query = "tide cafe ebb watch";
  const plain = scoresOf(query, { fuzzy: 0.3 });
  const boosts = [
    { text: "Tide", factor: 3 },
    { text: "café", factor: 0.5 },
    { text: "absent", factor: 9 },
  ];
  const boosted = scoresOf(query, { fuzzy: 0.3, boosts });
  expect(boosted.get(0)).toBeCloseTo(3 * plain.get(0)!, 10);
  expect(boosted.get(4)).toBeCloseTo(3 * plain.get(4)!, 10);
  expect(boosted.get(1)).toBeCloseTo(0.5 * plain.get(1)!, 10);
  expect(boosted.get(3)).toBe(plain.get(3));
});

test("fuzzy allows a share of the term's length", () => {
  const index = indexOf(["crab", "crabs", "shore"]);
  expect(found(index, "crib")).toEqual([]);
  expect(found(index, "crib", { fuzzy: 0.25 })).toEqual([0]);
  expect(found(index, "crib", { fuzzy: 0.5 })).toEqual([0, 1]);
  // A share of 1 is the whole term, not one letter.
  expect(found(index, "chart", { fuzzy: 1 }).sort()).toEqual([0, 1, 2]);
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
])("finds in %j what %j asks for, before and after a reload", async (document, query) => {
  const index = indexOf(["something else", document]);
  expect(found(index, query)).toEqual([1]);
  expect(found(await reloaded(index), query)).toEqual([1]);
});

test("terms are the document's, in order", () => {
  const index = indexOf(["2024 crabs of Größe and 10 pools"]);
  expect(search(index, "pool größe crab 10 2024", { fuzzy: 0.25 }).terms).toEqual([["10", "2024", "crabs", "größe", "pools"]]);
});

test("a very long document and a very long word", async () => {
  const long = `${"tide ".repeat(70_000)}${"x".repeat(300_000)} end`;
  const index = await reloaded(indexOf([long, "tide"]));
  expect(found(index, "tide").sort()).toEqual([0, 1]);
  expect(found(index, "x".repeat(1000), { fuzzy: 0.1 })).toEqual([0]);
});

test("a query of too many terms is refused by name", () => {
  const query = Array.from({ length: limits.queryTermsMax + 1 }, (_, i) => `t${i}`).join(" ");
  expect(() => search(indexOf(["t1"]), query)).toThrow(/1025 distinct terms.*queryTermsMax/);
  expect(() => search(indexOf(["t1"]), "t1 ".repeat(5000))).not.toThrow();
});

test("after any history an index answers like a fresh one, also saved and loaded, also vacuumed", async () => {
  const operation = fc.record({
    ordinal: fc.nat(15),
    document: fc.option(sentence, { freq: 4 }),
    reload: fc.constantFrom("no", "no", "no", "no", "load", "vacuum"),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 40 }),
      fc.array(fc.tuple(sentence, fc.boolean(), fc.constantFrom(0, 0.3)), { minLength: 1, maxLength: 5 }),
      async (operations, queries) => {
        const documents: (string | null)[] = Array.from({ length: 16 }, () => null);
        let index = new TextIndex();
        for (const { ordinal, document, reload } of operations) {
          documents[ordinal] = document;
          atOnce(index.set(ordinal, document));
          if (reload === "load") index = await reloaded(index);
          if (reload === "vacuum") await index.vacuum(noTick);
        }
        const fresh = indexOf(documents);
        const copy = await reloaded(index);
        for (const [query, prefix, fuzzy] of queries) {
          const expected = comparable(search(fresh, query, { prefix, fuzzy }));
          expect(comparable(search(index, query, { prefix, fuzzy }))).toEqual(expected);
          expect(comparable(search(copy, query, { prefix, fuzzy }))).toEqual(expected);
        }
        expect(copy.documentCount).toBe(fresh.documentCount);
      },
    ),
    { numRuns: 100 },
  );
});

const many = () => Array.from({ length: 4500 }, (_, i) => `shore w${i} x${i % 997} ${"long".repeat(10)}${i * 7}`);

test("work is cut into slices and pieces, and a long posting list spans entries", async () => {
  const index = indexOf(many());
  for (let ordinal = 0; ordinal < 3000; ordinal++) atOnce(index.set(ordinal, "shore"));
  const ticks = { vacuum: 0, save: 0, load: 0 };
  await index.vacuum(() => void ticks.vacuum++);
  expect(index.deadShare).toBe(0);
  const saved = await pieces(index, () => void ticks.save++);
  const loaded = await TextIndex.load(saved, () => void ticks.load++);
  for (const count of Object.values(ticks)) expect(count).toBeGreaterThan(5);
  for (const piece of saved) expect(piece.length).toBeLessThanOrEqual(pieceBytesMax);
  expect(found(loaded!, "shore", { nResults: 9000 })).toEqual(found(index, "shore", { nResults: 9000 }));
});

test("many pieces make one index", async () => {
  const index = indexOf(Array.from({ length: 14_000 }, (_, i) => `${i}${"ж".repeat(60)}`));
  const saved = await pieces(index);
  expect(saved.length).toBeGreaterThan(3);
  expect(saved.map((piece) => piece[0]).sort()).toEqual(saved.map((piece) => piece[0]));
  expect(found((await TextIndex.load(saved, noTick))!, `6999${"ж".repeat(60)}`)).toEqual([6999]);
  await expect(TextIndex.load([saved[0]!, ...saved.slice(2)], noTick)).rejects.toMatchObject({ code: "CORRUPTION" });
});

test("an index may be searched, not changed, while it is being saved or vacuumed", async () => {
  const index = indexOf(many());
  for (let ordinal = 0; ordinal < 2500; ordinal++) index.delete(ordinal);
  await index.vacuum(() => expect(found(index, "w2499 w2501", { prefix: true })).toContain(2501));
  for (let ordinal = 2500; ordinal < 3000; ordinal++) index.delete(ordinal);
  const saved = await pieces(index, () => expect(found(index, "w59 x99", { prefix: true, nResults: 3 }).length).toBe(3));
  expect(found((await TextIndex.load(saved, noTick))!, "shore", { nResults: 9000 }).length).toBe(1500);
  let refused = "";
  for await (const piece of index.serialize(() => {
    try {
      atOnce(index.set(1, "intruder"));
    } catch (error) {
      refused = (error as { code: string }).code;
    }
  }))
    expect(piece.length).toBeGreaterThan(0);
  expect(refused).toBe("INTERNAL");
});

test("another layout or analyzer means no index; damage is corruption", async () => {
  const saved = await pieces(indexOf(["tide", "pool"]));
  const header = (layout: number, signature: string) => {
    const writer = new PieceWriter();
    writer.begin(1);
    writer.varint(layout);
    writer.string(signature);
    return writer.take();
  };
  expect(await TextIndex.load([header(LAYOUT + 1, "")], noTick)).toBeNull();
  expect(await TextIndex.load([header(LAYOUT, "another")], noTick)).toBeNull();
  const broken = [
    [],
    saved.slice(0, 2).map((piece) => piece.slice(0, -1)),
    [Uint8Array.of(9)],
    [new Uint8Array(0)],
    [saved[0]!, saved[2]!],
    [saved[0]!.slice(0, 5)],
  ];
  for (const list of broken) await expect(TextIndex.load(list, noTick)).rejects.toMatchObject({ code: "CORRUPTION" });
});

test("MiniSearch still has the inner layout that this index reads and writes", () => {
  expect(new MiniSearch({ fields: ["text"] }).toJSON().serializationVersion).toBe(Math.floor(LAYOUT / 100));
});

test("a long document and a broad query are cut into steps of bounded work", () => {
  const index = new TextIndex();
  let steps = 0;
  const document = Array.from({ length: 100_000 }, (_, i) => `w${i % 7000}`).join(" ");
  for (const _ of index.set(0, document)) steps++;
  expect(steps).toBeGreaterThanOrEqual(100_000 / 2048 - 1);
  for (let ordinal = 1; ordinal < 10_000; ordinal++) atOnce(index.set(ordinal, "tide"));
  steps = 0;
  for (const _ of index.search("tide", { nResults: 10, prefix: false, fuzzy: 0, allowed: all })) steps++;
  expect(steps).toBeGreaterThanOrEqual(4);
  steps = 0;
  const query = Array.from({ length: 50 }, (_, i) => `w${i}xx`).join(" ");
  for (const _ of index.search(query, { nResults: 10, prefix: false, fuzzy: 1, allowed: all })) steps++;
  expect(steps).toBeGreaterThanOrEqual(50 * 7);
});

test("a document that is left halfway is not there, and its terms count for nothing", () => {
  const index = indexOf(["sea shore", "sea"]);
  const steps = index.set(2, "sea ".repeat(10_000));
  steps.next();
  steps.return();
  expect(index.has(2)).toBe(false);
  expect(comparable(search(index, "sea"))).toEqual(comparable(search(indexOf(["sea shore", "sea"]), "sea")));
  atOnce(index.set(2, "sea"));
  expect(comparable(search(index, "sea"))).toEqual(comparable(search(indexOf(["sea shore", "sea", "sea"]), "sea")));
});

test("a single character of a script without spaces is found wherever it stands", () => {
  const documents = ["南京市长江大桥", "长江。", "江", "黄河", "江南好", "データベース", "ภาษาไทย", "I like 江湖"];
  const index = indexOf(documents);
  const named = (query: string, options?: Partial<TextSearchOptions>) => found(index, query, options).sort((a, b) => a - b);
  expect(named("江")).toEqual([0, 1, 2, 4, 7]);
  expect(found(index, "江").slice(0, 2)).toEqual([1, 2]);
  expect(named("好")).toEqual([4]);
  expect(named("桥 河")).toEqual([0, 3]);
  expect(named("ス")).toEqual([5]);
  expect(named("water 湖")).toEqual([7]);
  // Of several characters the pairs say more.
  expect(named("长江")).toEqual([0, 1]);
  expect(named("江南", { prefix: true })).toEqual([4]);
});
