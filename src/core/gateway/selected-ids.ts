/** The ids by which a request selects records: many of them are checked with turns, before the selection is planned. */
import type { Steps } from "../base/steps.js";
import { limits } from "../limits.js";
import { validateIdRange, validateIds } from "./validate/records.js";

/** Ids that are checked between two turns. */
const IDS_PER_STEP = 2048;

/** Those that were checked ahead and are not planned yet. */
const checked = new WeakMap<readonly unknown[], ReadonlySet<string>>();

/** What selects by so many ids that checking them is more than a step. */
export function selectsMany({ ids }: { ids?: unknown }): boolean {
  return Array.isArray(ids) && ids.length > IDS_PER_STEP && ids.length <= limits.selectionIdsMax;
}

/** Checks the ids of a selection, where they are many: whoever plans it finds that done. */
export function* checkSelected(selection: { ids?: unknown }): Steps<void> {
  if (!selectsMany(selection)) return;
  const ids = selection.ids as unknown[];
  const seen = new Set<string>();
  for (let from = 0; from < ids.length; from += IDS_PER_STEP) {
    validateIdRange(ids, "ids", from, Math.min(from + IDS_PER_STEP, ids.length), seen);
    yield;
  }
  checked.set(ids, seen);
}

/** The ids of a selection, checked. */
export function selectedIds(ids: unknown): ReadonlySet<string> {
  const ahead = checked.get(ids as unknown[]);
  // Once: whoever asks again may have changed them.
  checked.delete(ids as unknown[]);
  if (ahead !== undefined) return ahead;
  const seen = new Set<string>();
  validateIds(ids, "ids", seen);
  return seen;
}
