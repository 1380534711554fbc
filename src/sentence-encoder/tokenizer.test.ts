import { beforeAll, describe, expect, test } from "vitest";
import { sentenceModelBytes } from "../testing/sentence-encoder.js";
import { readHeader } from "./model-file.js";
import { Tokenizer, UNKNOWN } from "./tokenizer.js";

describe("with the model's vocabulary", () => {
  let pieces: string[];
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    const { buffer } = await sentenceModelBytes();
    const header = readHeader(buffer);
    pieces = header.pieces;
    tokenizer = new Tokenizer(pieces, new Float32Array(buffer, header.tensors["scores"]!.at, pieces.length));
  });
  const cut = (text: string): string[] => tokenizer.cut(text).map((id) => pieces[id]!);

  // What TensorFlow's own tokenizer for this vocabulary makes of these texts.
  test.each([
    ["Hello, how are you?", [341, 4125, 8, 140, 31, 19, 54]],
    ["Bacon", [932, 804]],
    ["low tide", [929, 1335, 265]],
  ])("%s is cut as by TensorFlow", (text, ids) => expect(tokenizer.cut(text)).toEqual(ids));

  test("pieces joined are the text", () => {
    const text = "The tide went out, and left a pool between the rocks.";
    expect(cut(text).join("").replaceAll("▁", " ").trim()).toBe(text);
  });
  test("white space of any kind and amount is one space", () => {
    expect(tokenizer.cut(" low\n\t tide\u00a0 ")).toEqual(tokenizer.cut("low tide"));
  });
  test("letters that look alike are one letter", () => expect(tokenizer.cut("ｔｉｄｅ")).toEqual(tokenizer.cut("tide")));
  test("invisible marks are none", () => expect(tokenizer.cut("ti\u00adde\u200b")).toEqual(tokenizer.cut("tide")));
  test.each(["", "   ", "\n", "\u200b"])("there is nothing in %j", (text) => expect(tokenizer.cut(text)).toEqual([]));
  test("a run of unknown characters is one piece", () => {
    expect(tokenizer.cut("🦀🦀🦀").filter((id) => id === UNKNOWN)).toHaveLength(1);
    expect(cut("🦀 crab").at(-1)).toBe(cut("crab").at(-1));
  });
  test("a lone surrogate is an unknown character", () => expect(tokenizer.cut("\ud83e").at(-1)).toBe(UNKNOWN));
});

test("the way with the best sum of scores is taken, and of reserved pieces none", () => {
  const pieces = ["?", "<s>", "</s>", "a", "b", "c", "▁", "a", "ab", "b", "▁a", "c"];
  const scores = [0, 0, 0, 0, 0, 0, -1, -2, -2.5, -2, -2, -9];
  const tokenizer = new Tokenizer(pieces, scores);
  expect(tokenizer.cut("ab")).toEqual([6, 8]);
  expect(tokenizer.cut("a <s>")).toEqual([10, 6, UNKNOWN]);
});
