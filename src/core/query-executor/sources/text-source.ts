/**
 * The records whose document matches the query's terms, best BM25 score first.
 *
 * The text index follows the documents and does not keep what they were. So in the segments a record is not found whose
 * document was changed or deleted since.
 */
import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { Parts } from "../../collection/parts.js";
import type { TextSource } from "../../gateway/search-plan.js";
import type { TextHits } from "../../index/text/text-index.js";
import type { SourceKind } from "./source-kind.js";

export const textSource: SourceKind<TextSource, TextHits> = {
  // The bulk of catching up with the documents.
  ready: ({ text }, tick) => text.ready(tick),
  readLive: search,
  readSegments: (segments, source, allowed, tick) =>
    search(segments.parts, source, allowed.clone().subtract(segments.changedIn("document")), tick),
  // BM25 scores grow with relevance; turned round, they go with distances.
  toRanked: ({ ordinals, scores }) => ({ ordinals, scores: scores.map((score) => -score) }),
};

function search({ text }: Pick<Parts, "text">, source: TextSource, allowed: Bitmap, tick: Tick): Promise<TextHits> {
  const { query, limit, prefix, fuzzy, operators } = source;
  return text.search(query, { nResults: limit, prefix, fuzzy, operators, allowed }, tick);
}
