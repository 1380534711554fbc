/**
 * Filters as the gateway hands them on: validated, bounded in depth and size (`limits.filterDepthMax`,
 * `limits.filterClausesMax`), with shorthand spelled out. Only types live here, so that every folder may know them.
 */
import type { Steps } from "../base/steps.js";
import type { Condition } from "../segment/condition.js";
import type { TextRequirement } from "../segment/text-requirement.js";

export type { Condition } from "../segment/condition.js";

/** Conditions joined by "and" (of none: everything) and "or" (of none: nothing). */
export type FilterTree<C> =
  | { kind: "and" | "or"; filters: readonly FilterTree<C>[] }
  /** Negated: everything that does not satisfy the condition, including what has nothing to test. */
  | { kind: "condition"; condition: C; negated: boolean };

/** A parsed `where`. */
export type MetadataFilter = FilterTree<Condition>;

/** A condition on the document's text. */
export type DocumentCondition = { operator: "contains"; text: string } | { operator: "regex"; pattern: Pattern };

/** A compiled regular expression. */
export interface Pattern {
  /** Whether a well-formed text matches. Steps end after a bounded amount of work; one text is tested at a time. */
  test(text: string): Steps<boolean>;
  /** What every matching text has in it; `null` when nothing is known. */
  readonly required: TextRequirement | null;
}

/** A parsed `whereDocument`. */
export type DocumentFilter = FilterTree<DocumentCondition>;

/** A condition on the record's id; the set is not empty. */
export interface IdCondition {
  operator: "id";
  ids: ReadonlySet<string>;
}

/** A condition on any part of a record. One on metadata is told from the others by its `key`. */
export type RecordCondition = Condition | DocumentCondition | IdCondition;

/** A parsed filter that mixes conditions on ids, documents and metadata. Both of the above are such filters. */
export type RecordFilter = FilterTree<RecordCondition>;
