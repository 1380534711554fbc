import fc from "fast-check";
import { expect, test } from "vitest";
import { createAnalyzer, defaultAnalyzer } from "./analyzer.js";
import { caseFolded, normalized } from "./folding.js";
import { includesUnits } from "./unit-folding.js";

const analyzers = [defaultAnalyzer, createAnalyzer({ keepDiacritics: true })];

/** What a text is folded to as a whole. */
const whole = (text: string, bare: (form: string) => string): string => bare(caseFolded(normalized(text))).replace(/[^\p{L}\p{N}]+/gu, " ");

const written = (units: Uint16Array): string => Array.from(units, (unit) => String.fromCharCode(unit)).join("");

test("units are those of the folded text, for each character beside letters, marks and the invisible", () => {
  for (const { bare, folding } of analyzers) {
    const wrong: string[] = [];
    for (let unit = 0; unit < 0x10000; unit += process.env["ALL"] ? 1 : 13) {
      for (const [before, after] of [
        ["и", "e\u0301"],
        ["q\u0301", "\u00ad "],
        [" ", "가"],
        ["", "\u0301x"],
        ["a", "\u0653\u0338x"],
        ["", "\u0308\u0327x"],
        ["", "\u0307x"],
      ] as const) {
        const text = before + String.fromCharCode(unit) + after;
        const units = folding.units(text);
        if (units !== null && written(units) !== whole(text, bare)) wrong.push(`${unit.toString(16)} in ${JSON.stringify(text)}`);
      }
    }
    expect(wrong).toEqual([]);
  }
});

test("units are those of the folded text, and most texts have some", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.string({ unit: "grapheme", maxLength: 4 }),
    fc.constantFrom(
      "İ",
      "ΣΑΣ",
      "straße",
      "ﬁn",
      "и\u0306",
      "Й",
      "e\u0323\u0301",
      "ẹ̀kọ́",
      "ǿ",
      "ـ",
      "ﷺ",
      "´",
      "½",
      "々",
      "ｶﾞ",
      "한국",
      " ",
      "-",
      "_a",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      for (const { bare, folding } of analyzers) {
        const units = folding.units(text);
        if (units !== null) expect(written(units)).toBe(whole(text, bare));
      }
    }),
    { numRuns: process.env["ALL"] ? 20_000 : 60 },
  );
  const { folding } = defaultAnalyzer;
  const ordinary = ["The TIDE, straße", "Ẹ̀kọ́ ni ọ̀nà", "Приливы й", "ΣΑΣ ﬁn", "\u05d0\u05b0"];
  for (const text of ordinary) expect(folding.units(text)).not.toBeNull();
});

test("some units are found wherever they stand", () => {
  const units = fc.array(fc.constantFrom(1, 2, 3), { maxLength: 9 });
  fc.assert(
    fc.property(units, fc.array(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 4 }), (all, some) => {
      expect(includesUnits(Uint16Array.from(all), Uint16Array.from(some))).toBe(all.join().includes(some.join()));
    }),
    { numRuns: 300 },
  );
});
