import fc from "fast-check";
import MiniSearch from "minisearch";
import { expect, test } from "vitest";
import { atOnce } from "../../base/steps.js";
import type { Utf8Rows } from "../../base/utf8-rows.js";
import { NearWalk, nearTerms, type TermTree } from "./near-terms.js";

type Index = { fuzzyGet(word: string, max: number): Map<string, [unknown, number]>; _tree: TermTree<unknown> };

function treeOf(terms: readonly string[]): Index {
  const index = new MiniSearch({ fields: ["text"], tokenize: (text) => text.split(" "), processTerm: (term) => term });
  index.add({ id: 1, text: terms.join(" ") });
  return (index as unknown as { _index: Index })._index;
}

function rowsOf(terms: readonly string[]): Utf8Rows {
  const ends = [0];
  for (const term of terms) ends.push(ends.at(-1)! + new TextEncoder().encode(term).length);
  const bytes = new TextEncoder().encode(terms.join(""));
  return { rows: terms.length, bytes, start: (row) => ends[row]!, end: (row) => ends[row + 1]! };
}

function near({ _tree }: Index, word: string, max: number): Map<string, number> {
  const found = new Map<string, number>();
  atOnce(nearTerms(_tree, word, max, (term, _, distance) => void found.set(term, distance)));
  return found;
}

test("finds what MiniSearch finds, but the word itself", () => {
  const term = fc.string({ unit: fc.constantFrom("a", "b", "c", "é"), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 40 }), term, fc.integer({ min: 1, max: 6 }), (terms, word, max) => {
      const index = treeOf(terms);
      const expected = [...index.fuzzyGet(word, max)]
        .filter(([other]) => other !== word)
        .map(([other, [, edits]]) => [other, edits] as const);
      expect(near(index, word, max)).toEqual(new Map(expected));
    }),
    { numRuns: 500 },
  );
});

test("takes a step for every few thousand characters of the tree", () => {
  const terms = Array.from({ length: 20_000 }, (_, i) => i.toString(36).padStart(4, "x"));
  let steps = 0;
  let found = 0;
  for (const _ of nearTerms(treeOf(terms)._tree, "abcdefgh", 6, () => found++)) steps++;
  expect(found).toBeGreaterThan(1000);
  expect(steps).toBeGreaterThanOrEqual(5);
});

test("a list by code unit has what a tree has, in every width of UTF-8", () => {
  const term = fc.string({ unit: fc.constantFrom("a", "b", "é", "日", "𝒳", "𝒴", "\u{e000}"), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.uniqueArray(term, { maxLength: 60 }), term, fc.integer({ min: 1, max: 6 }), (terms, word, max) => {
      const sorted = [...terms].sort();
      const found = new Map<string, number>();
      const walk = new NearWalk(word, max);
      // In leaves, one after the other.
      for (let from = 0; from < sorted.length; from += 20) {
        const leaf = sorted.slice(from, from + 20);
        walk.eachNear(rowsOf(leaf), (row, distance) => void found.set(leaf[row]!, distance));
      }
      expect(found).toEqual(terms.length === 0 ? new Map() : near(treeOf(terms), word, max));
    }),
    { numRuns: 500 },
  );
});

test("passes over what begins with what is far", () => {
  const terms = Array.from({ length: 20_000 }, (_, i) => `zz${i.toString(36).padStart(4, "x")}`).sort();
  let looked = 0;
  const rows = rowsOf(["abcd", ...terms]);
  const counted = { ...rows, start: (row: number) => ++looked && rows.start(row) };
  const found: number[] = [];
  new NearWalk("abcde", 1).eachNear(counted, (row) => found.push(row));
  expect(found).toEqual([0]);
  expect(looked).toBeLessThan(100);
});
