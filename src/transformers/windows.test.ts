/** How texts become lists of tokens, against a tokenizer that has a token for each letter. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PeerTokenizer } from "./peer.js";
import { windowsOf } from "./windows.js";

const BEGIN = 1;
const END = 2;

/** A token per letter, between two special ones. */
const letters = (special = true): PeerTokenizer => ({
  model_max_length: 10,
  pad_token_id: 0,
  encode: (text, { add_special_tokens = true } = {}) => {
    const content = [...text].map((letter) => letter.codePointAt(0)!);
    return special && add_special_tokens ? [BEGIN, ...content, END] : content;
  },
});

const told = (windows: number[][]): string[] =>
  windows.map((ids) => ids.map((id) => (id === BEGIN ? "<" : id === END ? ">" : String.fromCodePoint(id))).join(""));

const windows = (text: string, prefix = "", longTexts: "windows" | "truncate" = "windows") =>
  told(windowsOf(letters(), prefix, text, { maxTokens: 10, longTexts }));

test.each([
  ["abcdefgh", "", ["<abcdefgh>"]],
  ["", "", ["<>"]],
  ["abcdefghi", "", ["<abcdefgh>", "<ghi>"]],
  ["abcdefghijklmnop", "", ["<abcdefgh>", "<ghijklmn>", "<mnop>"]],
  ["abcdefgh", "q:", ["<q:abcdef>", "<q:fgh>"]],
])("%j behind %j is read as %j", (text, prefix, expected) => {
  expect(windows(text, prefix)).toEqual(expected);
});

test("a text that is to be cut is read to where its beginning ends, with the special token behind", () => {
  expect(windows("abcdefghijklmnop", "q:", "truncate")).toEqual(["<q:abcdef>"]);
});

test("a text without any token has no window", () => {
  expect(windowsOf(letters(false), "", "", { maxTokens: 10, longTexts: "windows" })).toEqual([]);
});

describe("every text", () => {
  const cases = fc.tuple(fc.string({ maxLength: 60 }), fc.string({ maxLength: 4 }), fc.integer({ min: 8, max: 30 }));
  test("is covered by its windows, in order, each of which fits and has the prefix", () => {
    fc.assert(
      fc.property(cases, ([text, prefix, maxTokens]) => {
        const content = letters(false);
        const found = windowsOf(letters(), prefix, text, { maxTokens, longTexts: "windows" });
        const start = [BEGIN, ...content.encode(prefix)];
        let read: number[] = [];
        for (const ids of found) {
          expect(ids.length).toBeLessThanOrEqual(maxTokens);
          expect(ids.slice(0, start.length)).toEqual(start);
          const part = ids.slice(start.length, -1);
          const overlap = found.length === 1 || read.length === 0 ? 0 : Math.floor((maxTokens - start.length - 1) / 4);
          expect(part.slice(0, overlap)).toEqual(overlap === 0 ? [] : read.slice(-overlap));
          read = [...read, ...part.slice(overlap)];
        }
        expect(read).toEqual(content.encode(text));
      }),
    );
  });
});

test("a prefix that leaves no room is an error that says so", () => {
  expect(() => windows("abcdefghij", "a prefix that is long")).toThrow(/"a prefix that is long" takes 23 of the 10 tokens/);
});

test("a tokenizer that changes tokens beside special ones cannot cut", () => {
  const odd: PeerTokenizer = { ...letters(), encode: (text, options) => letters().encode(options ? text : text.toUpperCase(), options) };
  expect(() => windowsOf(odd, "", "abcdefghijkl", { maxTokens: 10, longTexts: "windows" })).toThrow(/long texts cannot be cut/);
});
