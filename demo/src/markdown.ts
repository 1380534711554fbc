/** Markdown as elements: parsed by marked, and cleaned by DOMPurify of everything that could act, load or look like the page's own. */
import dompurify from "dompurify";
import { Marked } from "marked";

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
/** HTML in a passage is text like any other: the browser shall not even parse it. */
const parser = new Marked({ async: false, gfm: true, renderer: { html: ({ text }) => asText(text) } });

export function renderMarkdown(text: string): DocumentFragment {
  const html = parser.parse(text) as string;
  // Links and headings leave their text: a card of hits is no page to navigate.
  return dompurify.sanitize(html, { ALLOWED_TAGS: allowed, ALLOWED_ATTR: [], RETURN_DOM_FRAGMENT: true });
}

function asText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
