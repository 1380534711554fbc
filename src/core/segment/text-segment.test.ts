import fc from "fast-check";
import { expect, test } from "vitest";
import { atOnce } from "../base/steps.js";
import { Block } from "../blockstore/block.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { defaultAnalyzer } from "../index/text/analyzer.js";
import type { TextReader } from "../index/text/text-reader.js";
import { YoungIndex } from "../index/text/young-index.js";
import { writeSegments } from "./text-merge.js";
import { SegmentReader } from "./text-segment.js";

const noTick = () => undefined;

async function stored(documents: readonly string[]): Promise<SegmentReader> {
  const blocks = new Map<BlockRef, Block>();
  const write = async (bytes: Uint8Array) => {
    const ref = { place: blocks.size } as unknown as BlockRef;
    blocks.set(ref, Block.decode(bytes.slice()));
    return ref;
  };
  const [segment] = await writeSegments([...documents.entries()], defaultAnalyzer, { write }, noTick);
  return SegmentReader.open(segment!, async (ref) => blocks.get(ref)!, "here");
}

function young(documents: readonly string[]): YoungIndex {
  const index = new YoungIndex();
  documents.forEach((document, ordinal) => atOnce(index.set(ordinal, document)));
  return index;
}

/** Far from each other in part, so that positions and frequencies take several bytes. */
const history = fc.array(
  fc.record({
    before: fc.integer({ min: 0, max: 90 }),
    words: fc.array(fc.constantFrom("éà", "ea", "éa"), { maxLength: 9 }),
    often: fc.constantFrom(1, 1, 70),
  }),
  {
    minLength: 1,
    maxLength: 12,
  },
);

test("what few documents have of a term and its forms is what they have in its postings", async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.func(fc.boolean()), fc.func(fc.boolean()), async (parts, isHidden, isAsked) => {
      const documents = parts.flatMap(({ before, words, often }) => [
        ...Array<string>(before).fill("sand"),
        `sand ${words.join(" ")} `.repeat(often),
      ]);
      for (const reader of [await stored(documents), young(documents)] as TextReader[]) {
        const hidden = Uint32Array.from(documents.keys()).filter((ordinal) => isHidden(ordinal));
        for (const position of hidden) reader.hidden.add(position);
        for (const term of ["ea", "sand"]) {
          const found = await (await reader.get(term))?.load();
          // No document has it.
          if (found === undefined) continue;
          for (const form of [null, ...found.forms]) {
            const all = found.postings(form);
            const positions = Uint32Array.from(documents.keys()).filter((position) => !reader.hidden.has(position) && isAsked(position));
            const frequencies = new Float32Array(positions.length).fill(1);
            found.addTo({ positions, frequencies }, form, 0.5);
            const expected = Array.from(positions, (position) => 1 + 0.5 * (all.frequencies[all.positions.indexOf(position)] ?? 0));
            expect([...frequencies]).toEqual(expected);
          }
        }
      }
    }),
    { numRuns: process.env.ALL ? 300 : 15 },
  );
});
