/** Markdown as elements: parsed by marked, and cleaned by DOMPurify of everything that could act, load or look like the page's own. */
import dompurify from "dompurify";
import { marked } from "marked";

const allowed = [
  "p",
  "br",
  "em",
  "strong",
  "del",
  "code",
  "pre",
  "ul",
  "ol",
  "li",
  "blockquote",
  "table",
  "thead",
  "tbody",
  "tr",
  "th",
  "td",
];

export function renderMarkdown(text: string): DocumentFragment {
  const html = marked.parse(text, { async: false, gfm: true });
  // Links and headings leave their text: a card of hits is no page to navigate.
  return dompurify.sanitize(html, { ALLOWED_TAGS: allowed, ALLOWED_ATTR: [], RETURN_DOM_FRAGMENT: true });
}
