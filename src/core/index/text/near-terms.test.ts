import fc from "fast-check";
import MiniSearch from "minisearch";
import { expect, test } from "vitest";
import { atOnce } from "../../base/steps.js";
import { nearTerms, type TermTree } from "./near-terms.js";

type Index = { fuzzyGet(word: string, max: number): Map<string, [unknown, number]>; _tree: TermTree<unknown> };

function treeOf(terms: readonly string[]): Index {
  const index = new MiniSearch({ fields: ["text"], tokenize: (text) => text.split(" "), processTerm: (term) => term });
  index.add({ id: 1, text: terms.join(" ") });
  return (index as unknown as { _index: Index })._index;
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
