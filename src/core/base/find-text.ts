/** Whether a text holds another, in steps: what the platform does at once takes time without bound for long texts that nearly match. */
import type { Steps } from "./steps.js";

/** Units of a text that are searched in one step, and of what is searched for: at worst all of one are compared with all of the other. */
const PIECE = 32_768;
const HEAD = 64;

/** As `text.includes(part)`; steps end after a bounded amount of work. */
export function* holdsText(text: string, part: string): Steps<boolean> {
  if (text.length <= PIECE && part.length <= HEAD) return text.includes(part);
  const head = part.slice(0, HEAD);
  for (let start = 0; start + part.length <= text.length; start += PIECE) {
    const found = text.slice(start, start + PIECE + head.length - 1).indexOf(head);
    if (found >= 0) return part === head || (yield* holdsLong(text, part, start + found));
    yield;
  }
  return false;
}

/** Knuth, Morris and Pratt's search, from a place on: no unit of the text is looked at again. */
function* holdsLong(text: string, part: string, from: number): Steps<boolean> {
  const borders = yield* bordersOf(part);
  let matched = 0;
  for (let at = from; at < text.length; at++) {
    while (matched > 0 && text.charCodeAt(at) !== part.charCodeAt(matched)) matched = borders[matched - 1]!;
    if (text.charCodeAt(at) === part.charCodeAt(matched)) matched++;
    if (matched === part.length) return true;
    if (at % PIECE === 0) yield;
  }
  return false;
}

/** Of each beginning of the text, how long the longest shorter one is that it ends with. */
function* bordersOf(text: string): Steps<Uint32Array> {
  const borders = new Uint32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at++) {
    while (length > 0 && text.charCodeAt(at) !== text.charCodeAt(length)) length = borders[length - 1]!;
    if (text.charCodeAt(at) === text.charCodeAt(length)) length++;
    borders[at] = length;
    if (at % PIECE === 0) yield;
  }
  return borders;
}
