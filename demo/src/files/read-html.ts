/** HTML: what a reader would read of the page, as Markdown, without its menus and scripts. Nothing of it is run or loaded. */
import { Readability } from "@mozilla/readability";
import { DOMParser } from "linkedom/worker";
import Turndown from "turndown";
import { cutMarkdown } from "./cut-text.js";
import { decode } from "./decode.js";
import { FileError, type Part, type Reader, reasonOf } from "./file-passage.js";

/** Where HTML names its encoding. */
const charset = /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]+)/i;
const charsetBytes = 2048;
/** An article that has less of the page's text than this is not all that was to be read. */
const articleShareMin = 1 / 3;

export const readHtml: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const declared = charset.exec(new TextDecoder("windows-1252").decode(bytes.subarray(0, charsetBytes)))?.[1];
  const { text, note } = decode(bytes, name, declared);
  yield { passages: await cutMarkdown(articleOf(text, name)), note };
};

/** The article of a page, or all of it where it has none. */
function articleOf(html: string, name: string): string {
  try {
    const whole = markdownOf(html);
    const document = parse(html);
    const article = new Readability(document as unknown as Document).parse();
    const markdown = article?.content ? markdownOf(article.content) : "";
    if (markdown.length < whole.length * articleShareMin) return whole;
    return article?.title && !/^# /m.test(markdown) ? `# ${article.title}\n\n${markdown}` : markdown;
  } catch (error) {
    const reason = error instanceof RangeError ? "its elements stand too deep within each other" : reasonOf(error);
    throw new FileError(`${name} cannot be read as HTML: ${reason}.`);
  }
}

/** HTML as Markdown. */
export function markdownOf(html: string): string {
  const turndown = new Turndown({ headingStyle: "atx", codeBlockStyle: "fenced" });
  turndown.remove(["script", "style", "noscript", "template", "head" as "title", "iframe", "object", "canvas"]);
  // Where a link or a picture leads says nothing about the text, and may be very long.
  turndown.addRule("links", { filter: "a", replacement: (content) => content });
  turndown.addRule("pictures", { filter: "img", replacement: (_, node) => (node as Element).getAttribute("alt") ?? "" });
  return turndown.turndown(parse(html).documentElement as unknown as HTMLElement);
}

function parse(html: string) {
  const isWhole = /<(?:html|body)[\s>]/i.test(html);
  return new DOMParser().parseFromString(isWhole ? html : `<!doctype html><html><body>${html}</body></html>`, "text/html");
}
