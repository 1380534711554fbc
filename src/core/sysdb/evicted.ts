/**
 * Says whose data is gone when the browser has dropped files of a database and kept its catalog: storage knows the arenas,
 * the manifests know which collections had blocks in them.
 */
import { show, TidepoolError } from "../errors.js";
import type { SysDb } from "./sysdb.js";

/** The error with the collections that lost blocks, in the order of their creation; any other error as it is. */
export function tellEvicted(error: unknown, { directory, manifests }: Pick<SysDb, "directory" | "manifests">): unknown {
  if (!(error instanceof TidepoolError) || error.code !== "DATA_EVICTED") return error;
  const lost = new Set(error.details.arenas as number[]);
  const hit = directory.everyCollection().filter(({ id }) => manifests.latestRefs([id]).some(({ arena }) => lost.has(arena)));
  const collections = hit.map(({ tenant, database, name }) => ({ tenant, database, name }));
  const names = hit.map(({ name }) => show(name));
  const whose = names.length === 0 ? "Earlier versions alone lay there" : `Collections that lost data: ${names.join(", ")}`;
  return new TidepoolError("DATA_EVICTED", `${error.message}. ${whose}`, { cause: error, details: { ...error.details, collections } });
}
