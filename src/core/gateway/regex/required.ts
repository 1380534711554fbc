/** Reads off a pattern which characters every matching text has in it. */
import { hasCase } from "../../base/has-case.js";
import type { TextRequirement } from "../../segment/text-requirement.js";
import type { CharacterLeaf, RegexTree } from "./tree.js";

type Text = Extract<TextRequirement, { kind: "text" }>;

/** `null` when nothing is required, as far as can be seen. */
export function requiredBy(tree: RegexTree): TextRequirement | null {
  switch (tree.kind) {
    case "concatenation":
      return requiredByAll(tree.parts);
    case "alternation":
      return requiredByAny(tree.branches);
    case "repetition":
      return tree.min === 0 ? null : requiredBy(tree.of);
    case "assertion":
      return null;
    default:
      return textOf(tree);
  }
}

/** The longest text that occurs in every match as it is; "" when there is none. */
export function longestText(required: TextRequirement | null): string {
  if (required?.kind === "text") return required.insensitive ? "" : required.text;
  if (required?.kind !== "all") return "";
  return required.of.map(longestText).reduce((longest, text) => (text.length > longest.length ? text : longest), "");
}

function requiredByAll(parts: readonly RegexTree[]): TextRequirement | null {
  const required: TextRequirement[] = [];
  let run: Text | null = null;
  for (const part of parts) {
    const text = part.kind === "literal" || part.kind === "class" ? textOf(part) : null;
    const joined = joinedTexts(run, text);
    if (joined !== text) required.pop();
    run = joined;
    const one = run ?? requiredBy(part);
    if (one !== null) required.push(one);
  }
  return required.length > 1 ? { kind: "all", of: required } : (required[0] ?? null);
}

/** Two neighbours as one text, if case means the same to both; otherwise the second. */
function joinedTexts(first: Text | null, second: Text | null): Text | null {
  if (first === null || second === null || first.insensitive !== second.insensitive) return second;
  return { ...second, text: first.text + second.text };
}

function requiredByAny(branches: readonly RegexTree[]): TextRequirement | null {
  const required = branches.map(requiredBy);
  return required.some((one) => one === null) ? null : { kind: "any", of: required as TextRequirement[] };
}

/** A literal, or a class of a single character. */
function textOf(leaf: CharacterLeaf): Text | null {
  const text = leaf.kind === "literal" ? leaf.text : singleOf(leaf);
  return text === null ? null : { kind: "text", text, insensitive: leaf.insensitive && hasCase(text) };
}

function singleOf({ set }: Extract<CharacterLeaf, { kind: "class" }>): string | null {
  return set.kind === "range" && set.from === set.to ? String.fromCodePoint(set.from) : null;
}
