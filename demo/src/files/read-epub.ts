/** Books in EPUB: their chapters in the order of the book. */
import { DOMParser } from "linkedom/worker";
import { listArchive, readEntries } from "./archive.js";
import { cutMarkdown } from "./cut-text.js";
import { FileError, type Part, type Reader } from "./file-passage.js";
import { markdownOf } from "./read-html.js";

const container = "META-INF/container.xml";

export const readEpub: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const entries = listArchive(bytes, name);
  if (entries.includes("META-INF/encryption.xml") && entries.includes("META-INF/rights.xml")) {
    throw new FileError(`${name} is protected against copying, and cannot be read.`);
  }
  const chapters = chaptersOf(bytes, name);
  const texts = readEntries(bytes, name, new Set(chapters));
  for (const [index, chapter] of chapters.entries()) {
    const html = texts.get(chapter);
    const passages = html === undefined ? [] : await cutMarkdown(markdownOf(html));
    yield { passages, fraction: (index + 1) / chapters.length };
  }
};

/** The entries of the archive that are the book's chapters. */
function chaptersOf(bytes: Uint8Array, name: string): string[] {
  const packagePath = attributesOf(entry(bytes, name, container), "rootfile", ["full-path"])[0]?.[0];
  if (!packagePath) throw new FileError(`${name} is not a book in EPUB.`);
  const book = entry(bytes, name, packagePath);
  const paths = new Map(attributesOf(book, "item", ["id", "href"]) as [string, string][]);
  const base = new URL(packagePath, "epub:/book/");
  return attributesOf(book, "itemref", ["idref"])
    .map(([id]) => paths.get(id!))
    .filter((path) => path !== undefined)
    .map((path) => decodeURIComponent(new URL(path, base).pathname.replace("/book/", "")));
}

function entry(bytes: Uint8Array, name: string, path: string): string {
  const text = readEntries(bytes, name, new Set([path])).get(path);
  if (text === undefined) throw new FileError(`${name} is not a book in EPUB: ${path} is missing in it.`);
  return text;
}

function attributesOf(xml: string, tag: string, names: readonly string[]): string[][] {
  const elements = [...new DOMParser().parseFromString(xml, "text/xml").querySelectorAll(tag)];
  return elements.map((element) => names.map((attribute) => element.getAttribute(attribute) ?? ""));
}
