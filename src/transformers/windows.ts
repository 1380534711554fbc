/**
 * A text's tokens, as the model may read them: with the special tokens around, and behind the prefix, both of which stand in each
 * window of a long text.
 */
import { show, TidepoolError } from "../core/errors.js";
import type { PeerTokenizer } from "./peer.js";

/** How texts are cut. */
export interface Cut {
  maxTokens: number;
  longTexts: "windows" | "truncate";
}

/** Windows of a long text overlap by this part of them. */
const OVERLAP = 1 / 4;

/** The windows of a text, each a list of tokens; of one that fits there is one, of one without any token none. */
export function windowsOf(tokenizer: PeerTokenizer, prefix: string, text: string, { maxTokens, longTexts }: Cut): number[][] {
  const whole = tokenizer.encode(prefix + text);
  if (whole.length <= maxTokens) return whole.length === 0 ? [] : [whole];
  const content = tokenizer.encode(prefix + text, { add_special_tokens: false });
  const before = placeOf(content, whole);
  const common = sharedStart(content, tokenizer.encode(prefix, { add_special_tokens: false }));
  const head = whole.slice(0, before + common);
  const tail = whole.slice(before + content.length);
  const room = maxTokens - head.length - tail.length;
  if (room < 1) {
    const fixed = head.length + tail.length;
    throw new TidepoolError(
      "EMBEDDING_FUNCTION",
      `the prefix ${show(prefix)} takes ${fixed} of the ${maxTokens} tokens that are read at once`,
    );
  }
  const rest = content.slice(common);
  return starts(longTexts === "truncate" ? room : rest.length, room).map((at) => [...head, ...rest.slice(at, at + room), ...tail]);
}

/** Where windows of this size begin that together cover so many tokens. */
function starts(tokens: number, room: number): number[] {
  const overlap = Math.floor(room * OVERLAP);
  const places = [0];
  for (let at = 0; at + room < tokens; places.push(at)) at += room - overlap;
  return places;
}

/** Where the text's own tokens begin among all. */
function placeOf(content: readonly number[], whole: readonly number[]): number {
  for (let at = 0; at + content.length <= whole.length; at++) {
    if (content.every((token, i) => whole[at + i] === token)) return at;
  }
  throw new TidepoolError(
    "EMBEDDING_FUNCTION",
    "the model's tokenizer changes a text's tokens where it adds special ones: long texts cannot be cut",
  );
}

function sharedStart(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < b.length && a[length] === b[length]) length++;
  return length;
}
