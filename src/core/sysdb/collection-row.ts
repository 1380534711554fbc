/** What the catalog keeps of a collection beside its manifest. */
import type { CollectionInfo, CollectionSchema } from "../types.js";

/** `sequence` is its place in the order of creation. */
export interface CollectionRow extends Omit<CollectionInfo, "schema" | "dimension" | "model"> {
  /** Missing where all indexes are as they are without a schema. */
  schema?: CollectionSchema;
  sequence: number;
  /** How often its embeddings were made anew, by another function each time. Missing: never. */
  model?: number;
  /**
   * The collection for which this one gathers embeddings, made by the function that its configuration names. It is nobody's own: it is
   * not listed or counted, and goes with that collection.
   */
  reembeds?: string;
  /** Id of the collection that the first of a chain of forks was made from; its own id when it is no fork. */
  root: string;
}
