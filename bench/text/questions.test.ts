import { expect, test } from "vitest";
import { generatedTexts } from "./generated-texts.js";
import { kinds, questionsFrom } from "./questions.js";

test("documents and questions follow from their seeds, and what is asked for is there", () => {
  const texts = generatedTexts(400);
  expect(texts).toEqual(generatedTexts(400));
  const questions = questionsFrom(texts, 20);
  expect(questions).toEqual(questionsFrom(texts, 20));
  expect(Object.keys(questions)).toEqual([...kinds]);
  const words = new Set(texts.join(" ").split(" "));
  for (const question of [...questions["one word"], ...questions["two words"], ...questions["ten words"]]) {
    for (const word of question.split(" ")) expect(words).toContain(word);
  }
  for (const question of questions["ten words"]) expect(new Set(question.split(" ")).size).toBe(10);
  for (const phrase of questions.phrase) expect(texts.some((text) => ` ${text} `.includes(` ${phrase} `))).toBe(true);
  for (const part of questions.$contains) expect(texts.some((text) => text.includes(part))).toBe(true);
  for (const pattern of questions.$regex) expect(texts.some((text) => new RegExp(pattern, "u").test(text))).toBe(true);
  for (const word of questions.fuzzy) expect(word).toMatch(/.q/);
});

test("words are as frequent as in natural texts: few make up most of it, most are rare", () => {
  const counts = new Map<string, number>();
  const words = generatedTexts(2000).join(" ").split(" ");
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const descending = [...counts.values()].sort((a, b) => b - a);
  expect(descending[0]! / words.length).toBeGreaterThan(0.03);
  expect(descending.filter((count) => count === 1).length / counts.size).toBeGreaterThan(0.3);
});
