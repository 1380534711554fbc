/**
 * The nearest records of each query, ascending by distance, equal distances in insertion order.
 *
 * The index follows every write. In the segments, records whose vector it has replaced since are read and measured one by
 * one.
 */
import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { Parts } from "../../collection/parts.js";
import type { KnnSource } from "../../gateway/search-plan.js";
import { distanceFrom } from "../../index/vector/distance.js";
import { type Nearest, nearestOf } from "../../index/vector/judge.js";
import type { Segments, SourceKind } from "./source-kind.js";

export const knnSource: SourceKind<KnnSource, Nearest[]> = {
  readLive: nearest,
  readSegments: nearestInSegments,
  toRanked: ([hits]) => ({ ordinals: hits!.ordinals, scores: Float64Array.from(hits!.distances) }),
};

/** As many queries at once as share a pass over the rows, or as several threads share. */
async function nearest({ vectors }: Parts, { queries, limit, exact }: KnnSource, allowed: Bitmap, tick: Tick): Promise<Nearest[]> {
  const found: Nearest[] = [];
  const atOnce = vectors.queriesAtOnce(exact === true);
  for (let from = 0; from < queries.length; from += atOnce) {
    if (from > 0) await tick();
    found.push(...(await vectors.nearest(queries.slice(from, from + atOnce), limit, allowed, tick, exact)));
  }
  return found;
}

async function nearestInSegments(segments: Segments, source: KnnSource, allowed: Bitmap, tick: Tick): Promise<Nearest[]> {
  const { vectors } = segments.parts;
  const changed = segments.changedIn("vector");
  const indexed = await nearest(segments.parts, source, allowed.clone().subtract(changed), tick);
  const others = allowed.clone().intersect(changed).toArray();
  const embeddings = await vectors.storedEmbeddings(others);
  return indexed.map((hits, i) => {
    const distance = distanceFrom(vectors.space, source.queries[i]!);
    const measured = Float32Array.from(others, (_, row) => distance(embeddings, row * source.queries[i]!.length));
    return nearestOf([hits, { ordinals: others, distances: measured }], source.limit);
  });
}
