/** What background, offscreen document and panel have in common: the database, and how pages lie in it. */
import { chunk, TidepoolClient } from "./tidepool/index.js";

export function openDatabase(options) {
  return new TidepoolClient({ path: "kept-pages", ...options });
}

export function openPassages(client) {
  return client.getOrCreateCollection({ name: "passages" });
}

/** A page as passages of its own; one that is kept again is replaced as a whole. */
export async function keepPage(passages, { url, title, text }) {
  const parts = await chunk(text, { format: "text" });
  if (parts.length === 0) return 0;
  await passages.upsert({
    ids: parts.map((_, place) => `${url}#${place}`),
    documents: parts.map((part) => part.text),
    metadatas: parts.map((_, place) => ({ url, title, place })),
  });
  await passages.delete({ where: { $and: [{ url }, { place: { $gte: parts.length } }] } });
  return parts.length;
}

/** The best passage of each page that has to do with the question. */
export async function findPages(passages, question) {
  const found = (await passages.searchText({ query: question, nResults: 20, prefix: true })).rows();
  const pages = new Map();
  for (const { document, metadata } of found) {
    if (!pages.has(metadata.url)) pages.set(metadata.url, { ...metadata, passage: document });
  }
  return [...pages.values()];
}
