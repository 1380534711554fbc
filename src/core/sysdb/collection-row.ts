/** What the catalog keeps of a collection beside its manifest. */
import type { CollectionInfo, CollectionSchema } from "../types.js";

/** `sequence` is its place in the order of creation. */
export interface CollectionRow extends Omit<CollectionInfo, "schema" | "dimension"> {
  /** Missing where all indexes are as they are without a schema. */
  schema?: CollectionSchema;
  sequence: number;
  /** Id of the collection that the first of a chain of forks was made from; its own id when it is no fork. */
  root: string;
}
