/**
 * What can be asked of one metadata key. Conditions are positive: negation lives in the filter tree above them, so that
 * "every record but those" is one set operation and reaches records that lack the key.
 */
import type { Scalar } from "../types.js";

/** A condition on the value under `key`. Numbers are finite; strings are well-formed. */
export type Condition =
  /** The value is this scalar. */
  | { key: string; operator: "eq"; value: Scalar }
  /** The value is one of these; not empty, all of one type. */
  | { key: string; operator: "in"; values: ReadonlySet<Scalar> }
  /** The value is of the operand's type and on this side of it; texts are compared by their UTF-16 units. */
  | { key: string; operator: "gt" | "gte" | "lt" | "lte"; value: number | string }
  /** The value is a text that begins with this one. */
  | { key: string; operator: "prefix"; value: string }
  /** The value is an array that holds this scalar. */
  | { key: string; operator: "contains"; value: Scalar };
