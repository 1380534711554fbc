/**
 * The search of the site: Tidepool, in memory, over the sections of all pages. Package and sections are loaded when somebody opens
 * the search box for the first time, once for each page load.
 */
import { withBase } from "vitepress";

const hitsMax = 12;

let opened;

/** The collection of all sections; a second call waits for the first. */
export function openSections() {
  opened ??= open().catch((error) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function open() {
  const [{ TidepoolClient }, sections] = await Promise.all([
    import(/* @vite-ignore */ new URL(withBase("/tidepool/index.js"), location.href).href),
    fetch(withBase("/search.json")).then((response) => response.json()),
  ]);
  const client = new TidepoolClient({ path: "documentation", storage: "memory" });
  const collection = await client.createCollection({ name: "sections", configuration: { text: { stop_words: "english" } } });
  await collection.add({
    ids: sections.map((_, i) => String(i)),
    documents: sections.map(({ page, title, text }) => `${page}. ${title}. ${text}`),
    metadatas: sections.map(({ url, page, title }) => ({ url, page, title })),
  });
  return collection;
}

/**
 * How much a symbol of the reference counts beside a page that explains, since who asks in words wants to read: classes and
 * functions more than the types of their arguments, whose pages are short, and so say each of their words loudly.
 */
const shares = [
  [/^\/reference\/.*\/(?:classes|functions)\//, 0.8],
  [/^\/reference\//, 0.5],
  [/^/, 1],
];
const shareOf = (url) => shares.find(([pattern]) => pattern.test(url))[1];

/** Sections for what was typed so far, best first, by words and by nearness. */
export async function findSections(query) {
  const collection = await openSections();
  const include = ["documents", "metadatas"];
  const found = await collection.hybrid({ queryText: query, nResults: 2 * hitsMax, prefix: true, fuzzy: 0.2, include });
  const weigh = ({ score, metadata }) => score * shareOf(metadata.url);
  const rows = found.rows().sort((a, b) => weigh(b) - weigh(a));
  const shown = rows.slice(0, hitsMax);
  return shown.map(({ id, document, metadata, text }) => ({ id, ...metadata, parts: partsAround(document, text?.terms ?? []) }));
}

const snippetCharacters = 160;

/** Whole words, and a sign where there are more. */
function beginningOf(text) {
  if (text.length <= snippetCharacters) return text;
  return `${text.slice(0, text.lastIndexOf(" ", snippetCharacters))} …`;
}

/** A piece of the text around the first of these words, cut into what is one of them and what is not. */
function partsAround(document, terms) {
  const body = document.slice(document.indexOf(". ", document.indexOf(". ") + 2) + 2);
  if (terms.length === 0) return [{ text: beginningOf(body), isHit: false }];
  const words = terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`((?<![\\p{L}\\p{N}])(?:${words.join("|")})(?![\\p{L}\\p{N}]))`, "giu");
  const first = body.search(pattern);
  const start = Math.max(0, first - 40);
  const piece = beginningOf(body.slice(start === 0 ? 0 : body.indexOf(" ", start) + 1));
  return piece.split(pattern).map((text, i) => ({ text, isHit: i % 2 === 1 }));
}
