import { expect, test } from "vitest";
import type { TextRequirement } from "../../segment/text-requirement.js";
import { parseRegex } from "./parse.js";
import { longestText, requiredBy } from "./required.js";

test.each<[pattern: string, required: string | null]>([
  ["fox", "fox"],
  ["(?i)fox", "i:fox"],
  ["(?i)123", "123"],
  ["fo(x)[.]", "fox."],
  ["^fox\\b", "fox"],
  ["fo+x", "(f & o & x)"],
  ["fox*y", "(fo & y)"],
  ["colou?r", "(colo & r)"],
  ["fox|dog", "(fox | dog)"],
  ["the (fox|dog)s", "(the  & (fox | dog) & s)"],
  ["(abc){2,}", "abc"],
  ["a(?i:b)c", "(a & i:b & c)"],
  ["fox|\\d", null],
  ["(fox)?", null],
  ["", null],
  [".*", null],
])("%s requires %s", (pattern, required) => {
  const found = requiredBy(parseRegex(pattern));
  expect(found === null ? null : shown(found)).toBe(required);
});

test.each([
  ["the (fox|doges)s", "the "],
  ["(?i)fox", ""],
  ["fox|dog", ""],
  ["a+bcd", "bcd"],
])("the longest text of all matches of %s is %j", (pattern, text) => {
  expect(longestText(requiredBy(parseRegex(pattern)))).toBe(text);
});

function shown(required: TextRequirement): string {
  if (required.kind === "text") return (required.insensitive ? "i:" : "") + required.text;
  return `(${required.of.map(shown).join(required.kind === "all" ? " & " : " | ")})`;
}
