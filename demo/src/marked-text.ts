/**
 * A passage as it is shown: its Markdown rendered and cleaned of everything but text, its matches marked. The libraries for Markdown are
 * loaded with the first passage that has any.
 */
import { element } from "./dom.js";
import { fetchPart } from "./fetch-part.js";
import { excerptWindow, type Range } from "./highlight.js";
import { showError } from "./notices.js";
import { Slice } from "./slice.js";

/** Finds the stretches of a text to mark. */
export type FindRanges = (text: string) => Range[];

/** A passage longer than this is shown from the part around its first match. */
const excerptCharacters = 700;
/** What is longer is never laid out whole: a file may be one line of megabytes. */
const shownCharactersMax = 6000;
const hasMarkdown = /(?:^|\n)\s{0,3}(?:#{1,6} |[-*+] |\d+\. |> |\||```)|[*_`]\S|\[[^\]]+\]\(/;

let renderMarkdown: ((text: string) => DocumentFragment) | null = null;
/** Shows those passages rendered that came before the libraries. */
const waiting: (() => void)[] = [];

/** Shows the passage in `target`: rendered if it has Markdown, as plain text until that can be. */
export function showPassage(target: HTMLElement, text: string, find: FindRanges): void {
  const shown = shorten(text, find);
  const isMarkdown = hasMarkdown.test(shown);
  if (isMarkdown && renderMarkdown) {
    showRendered(target, renderMarkdown(shown), find);
    return;
  }
  target.replaceChildren(...markedText(shown, find(shown)));
  if (isMarkdown && waiting.push(() => showRendered(target, renderMarkdown!(shown), find)) === 1) renderWaiting().catch(showError);
}

/** One after the other, in turns with the page. */
async function renderWaiting(): Promise<void> {
  try {
    ({ renderMarkdown } = await fetchPart("What shows Markdown", import("./markdown.js")));
    const slice = new Slice();
    for (const show of waiting) {
      await slice.next();
      show();
    }
  } finally {
    waiting.length = 0;
  }
}

function showRendered(target: HTMLElement, content: DocumentFragment, find: FindRanges): void {
  markWithin(content, find);
  target.classList.add("rendered");
  target.replaceChildren(content);
}

/** Text nodes and marks. */
export function markedText(text: string, ranges: readonly Range[]): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let at = 0;
  for (const { start, end } of ranges) {
    parts.push(text.slice(at, start), element("mark", {}, text.slice(start, end)));
    at = end;
  }
  parts.push(text.slice(at));
  return parts;
}

function shorten(text: string, find: FindRanges): string {
  const whole = text.slice(0, 50 * shownCharactersMax);
  const window = excerptWindow(whole, find(whole), excerptCharacters);
  const start = window.start === 0 ? 0 : window.start;
  // A blank line would be one of the four that a card has.
  const cut = whole.slice(start, start + shownCharactersMax).replace(/\n{2,}(?=[A-Z"“(])/g, "\n");
  return `${start > 0 ? "… " : ""}${cut}${start + cut.length < text.length ? " …" : ""}`;
}

function markWithin(content: DocumentFragment, find: FindRanges): void {
  const walker = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  while (walker.nextNode()) nodes.push(walker.currentNode as Text);
  for (const node of nodes) {
    const ranges = find(node.data);
    if (ranges.length > 0) node.replaceWith(...markedText(node.data, ranges));
  }
}
