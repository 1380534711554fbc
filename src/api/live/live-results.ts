/**
 * What subscriptions are told: results, and how they differ from those before. Records are known by their ids; of several queries, a
 * record may be found by each, and counts once.
 */
import type { CollectionInfo } from "../../core/types.js";
import { Slice } from "../slice.js";

/** What a subscription's listener is told: the results as they are now, and how they differ from those before. */
export interface LiveUpdate<R> {
  /** All of the result, as a call of the method would give it now. */
  results: R;
  /** Ids that are in the result and were not; empty for a count. */
  added: string[];
  /** Ids that were and are in the result, and of which it tells something else now: of what was included, a distance, a score. */
  changed: string[];
  /** Ids that were in the result and are not. */
  removed: string[];
}

/** What is told of each id, and the ids in their order. */
interface Told {
  order: readonly string[];
  rows: ReadonlyMap<string, readonly unknown[]>;
}

/** Results as they come: with rows, those of a client's collections, or a number. */
type Results = number | { rows(): readonly Row[] | readonly (readonly Row[])[]; suggestion?: string | null } | readonly Listed[];

interface Row {
  readonly id: string;
}

/** A collection, by what can change of it. */
interface Listed extends Pick<CollectionInfo, "id" | "name"> {
  readonly metadata: unknown;
  readonly configuration: unknown;
}

/**
 * How results differ from those before; `null` where they do not, in nothing that they tell.
 *
 * @internal
 */
export async function updateOf<R>(before: R, results: R): Promise<LiveUpdate<R> | null> {
  const [old, now] = [toldBy(before as Results), toldBy(results as Results)];
  const added: string[] = [];
  const changed: string[] = [];
  const slice = new Slice();
  for (const [id, rows] of now.rows) {
    const known = old.rows.get(id);
    if (known === undefined) added.push(id);
    else if (!isSame(known, rows)) changed.push(id);
    await slice.tick();
  }
  const removed = [...old.rows.keys()].filter((id) => !now.rows.has(id));
  const isAsBefore = added.length + changed.length + removed.length === 0 && isSame(old.order, now.order);
  return isAsBefore && isSame(restOf(before), restOf(results)) ? null : { results, added, changed, removed };
}

function toldBy(results: Results): Told {
  if (typeof results === "number") return { order: [], rows: new Map() };
  const queries: readonly (readonly Row[])[] = isList(results) ? [results.map(rowOf)] : perQuery(results.rows());
  const rows = new Map<string, unknown[]>();
  queries.forEach((found, query) => {
    for (const row of found) {
      const known = rows.get(row.id);
      if (known === undefined) rows.set(row.id, [query, row]);
      else known.push(query, row);
    }
  });
  // Between two queries stands what no id is.
  return { order: queries.flatMap((found) => [...found.map(({ id }) => id), ""]), rows };
}

function isList(results: Results): results is readonly Listed[] {
  return Array.isArray(results);
}

function rowOf({ id, name, metadata, configuration }: Listed): Row {
  return { id, name, metadata, configuration } as Row;
}

function perQuery(rows: readonly Row[] | readonly (readonly Row[])[]): readonly (readonly Row[])[] {
  return rows.length === 0 || Array.isArray(rows[0]) ? (rows as readonly (readonly Row[])[]) : [rows as readonly Row[]];
}

/** What results tell beside their records. */
function restOf(results: unknown): unknown {
  return typeof results === "number" ? results : (results as { suggestion?: string | null }).suggestion;
}

/** Whether two values of plain data are alike. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => isSame(value, b[i]));
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
