/**
 * What a text must have in it to satisfy a condition. A text that lacks it does not satisfy the condition; one that has it may or
 * may not. So an index that knows which texts lack something leaves fewer to be tested, and never changes an answer.
 */
export type TextRequirement =
  /** These characters, next to each other; `insensitive`: each in any case. Not empty. */
  { kind: "text"; text: string; insensitive: boolean } | { kind: "all" | "any"; of: readonly TextRequirement[] };
