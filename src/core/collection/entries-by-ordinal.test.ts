import { expect, test } from "vitest";
import { entriesByOrdinal } from "./entries-by-ordinal.js";
import type { Entry } from "./part.js";

test("entries are found by ordinal, with gaps between them and without", () => {
  const entriesOf = (ordinals: readonly number[]): Entry[] => ordinals.map((ordinal) => [ordinal, { kind: "tombstone", id: `${ordinal}` }]);
  for (const ordinals of [[], [4], [7, 8, 9], [3, 4, 9, 10, 400]]) {
    const entryOf = entriesByOrdinal(entriesOf(ordinals));
    const found = Array.from({ length: 500 }, (_, ordinal) => entryOf(ordinal)?.id).filter((id) => id !== undefined);
    expect(found).toEqual(ordinals.map(String));
  }
});
