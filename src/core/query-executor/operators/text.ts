/**
 * Full-text search: the allowed records that match the query's terms, best BM25 score first. The caller holds the
 * collection's shared lock, so what `allowed` names is what the text index, once caught up, has indexed.
 */

import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { CollectionText } from "../../collection/text.js";
import type { TextHits } from "../../index/text/text-index.js";

export interface TextQuery {
  query: string;
  nResults: number;
  prefix: boolean;
  fuzzy: number;
}

export function searchText(text: Pick<CollectionText, "search">, query: TextQuery, allowed: Bitmap, tick: Tick): Promise<TextHits> {
  const { nResults, prefix, fuzzy } = query;
  return text.search(query.query, { nResults, prefix, fuzzy, allowed }, tick);
}
