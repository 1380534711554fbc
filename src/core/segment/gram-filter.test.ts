import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { usePatterns } from "../../testing/patterns.js";
import { casesOf } from "../base/cases.js";
import { atOnce } from "../base/steps.js";
import { Block } from "../blockstore/block.js";
import { parseWhereDocument } from "../gateway/parse-filter.js";
import { matchesDocument } from "../query-executor/predicate.js";
import { eachCandidate, gramFilterOf, knowsGrams } from "./gram-filter.js";
import { probeOf } from "./grams.js";
import type { TextRequirement } from "./text-requirement.js";

beforeAll(usePatterns);

/** Ordinals that may satisfy, of documents with ordinals 10, 20, …; `null` where nothing can be told. */
function candidates(documents: readonly (string | null)[], required: TextRequirement): number[] | null {
  const probe = probeOf(required);
  if (probe === null) return null;
  const ordinals = Uint32Array.from(documents, (_, i) => (i + 1) * 10);
  const bytes = atOnce(gramFilterOf(ordinals, documents));
  const found: number[] = [];
  if (bytes === null) return found;
  const end = ordinals.length * 10 + 1;
  eachCandidate(Block.decode(bytes), end, probe, (from, to) => {
    found.push(...ordinals.filter((ordinal) => ordinal >= from && ordinal < to));
  });
  return found;
}

const text = (text: string, insensitive = false): TextRequirement => ({ kind: "text", text, insensitive });
/** Documents that fill a group each. */
const long = (words: string): string => `${words} `.repeat(Math.ceil(4096 / (words.length + 1)));

describe("tells apart groups of documents", () => {
  const documents = [
    long("the quick brown fox"),
    null,
    long("jumps over lazy dogs"),
    long("南京市长江大桥"),
    long("İstanbul KELVIN"),
    long("ЖЁЛТЫЙ σοφός σοφος"),
  ];

  test.each<[string, TextRequirement, number[] | null]>([
    ["a text", text("quick"), [10, 20]],
    ["one over two words", text("over lazy"), [30]],
    ["an absent one", text("xylophone"), []],
    ["case does not count", text("QUICK"), [10, 20]],
    ["two characters of a script without spaces", text("长江"), [40]],
    ["two letters", text("qu"), null],
    ["no letter", text(""), null],
    ["letters in any case", text("kelvin", true), [50]],
    ["what has other cases than ASCII's is left out", text("İstanbul", true), [50]],
    ["letters beyond ASCII in any case", text("жёлтый", true), [60]],
    ["some of which have three cases", text("ΣΟΦΟΣ", true), [60]],
    ["others that are nowhere", text("Жёлудь", true), []],
    ["all of several", { kind: "all", of: [text("quick"), text("fox")] }, [10, 20]],
    ["all of several that are not together", { kind: "all", of: [text("quick"), text("lazy")] }, []],
    ["any of several", { kind: "any", of: [text("quick"), text("lazy")] }, [10, 20, 30]],
    ["any of several, one unknown", { kind: "any", of: [text("quick"), text("l")] }, null],
    ["all of several, one unknown", { kind: "all", of: [text("quick"), text("l")] }, [10, 20]],
  ])("%s", (_, required, expected) => {
    expect(candidates(documents, required)).toEqual(expected);
  });
});

test("nothing is written for documents without a gram", () => {
  expect(atOnce(gramFilterOf(Uint32Array.of(1, 2, 3), [null, "", "ab"]))).toBeNull();
});

test("one document of many pieces is gathered in steps", () => {
  const documents = [`${"x".repeat(65_530)}needle in it${"y".repeat(200_000)}`];
  const steps = gramFilterOf(Uint32Array.of(10), documents);
  let count = 0;
  while (steps.next().done !== true) count++;
  expect(count).toBeGreaterThan(2);
  expect(candidates(documents, text("needle"))).toEqual([10]);
});

describe("never leaves out a document that matches", () => {
  const unit = fc.constantFrom(..."abAkKsſ\u212aéÉßẞıİ ΣςσДдᲁ1南京都データꙊꙋᲈꭰᎠ\uff21\uff41\u0345ι", "💧", "𐐀", "𐐨");
  const word = fc.string({ unit, maxLength: 8 });
  const pattern = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 3 },
      word,
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `${a}${b}`),
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `(${a}|${b})`),
      fc.tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "{2}")).map(([of, count]) => `(${of})${count}`),
      fc.tuple(tie("pattern")).map(([of]) => `(?i:${of})`),
    ),
  })).pattern;
  const filter = fc.oneof(
    word.map(($contains) => ({ $contains })),
    pattern.map(($regex) => ({ $regex })),
  );

  test("of the pattern in other cases", () => {
    const letter = fc
      .constantFrom(..."akséßΣДᲁꙊꭰÅωǆ\u0345İ京1")
      .chain((char) => fc.tuple(fc.constant(char), fc.constantFrom(...casesOf(char)!)));
    const letters = fc.array(letter, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(letters, word, word, (pairs, before, after) => {
        const [asked, written] = [0, 1].map((which) => pairs.map((pair) => pair[which]).join("")) as [string, string];
        const parsed = parseWhereDocument({ $regex: `(?i)${asked}` })!;
        const document = before + written + after;
        expect(atOnce(matchesDocument(parsed, document))).toBe(true);
        expect(candidates([document], text(asked, true)) ?? [10]).toEqual([10]);
      }),
      { numRuns: 500 },
    );
  });

  test("of texts near the pattern", () => {
    fc.assert(
      fc.property(fc.array(fc.array(word, { maxLength: 4 }), { maxLength: 6 }), filter, (texts, where) => {
        const documents = texts.map((words) => words.join(""));
        const parsed = parseWhereDocument(where)!;
        if (parsed.kind !== "condition") throw new Error("not one condition");
        const { condition } = parsed;
        const required = condition.operator === "contains" ? text(condition.text) : condition.pattern.required;
        const found = required === null ? null : candidates(documents, required);
        documents.forEach((document, i) => {
          if (atOnce(matchesDocument(parsed, document))) expect(found ?? [(i + 1) * 10]).toContain((i + 1) * 10);
        });
      }),
      { numRuns: 500 },
    );
  });

  test("and verification finds every gram", () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (documents) => {
        const ordinals = Uint32Array.from(documents, (_, i) => i * 7);
        const bytes = atOnce(gramFilterOf(ordinals, documents));
        if (bytes === null) return;
        const block = Block.decode(bytes);
        for (const [i, document] of documents.entries()) expect(atOnce(knowsGrams(block, i * 7, document))).toBe(true);
      }),
    );
  });
});

test("verification notices a text that the filter does not know", () => {
  const block = Block.decode(atOnce(gramFilterOf(Uint32Array.of(5), ["the quick brown fox"]))!);
  expect([atOnce(knowsGrams(block, 5, "quick")), atOnce(knowsGrams(block, 5, "lazy"))]).toEqual([true, false]);
});
