/** What `add`, `upsert` and `update` take, of collections and of conditional transactions. */
import type { Metadata, MetadataOf } from "../core/types.js";
import type { Embeddings } from "./embeddings.js";
import type { WriteOptions } from "./write.js";

/** Arguments of `collection.add`. */
export interface AddArguments<TMeta extends MetadataOf<TMeta> = Metadata> extends WriteOptions {
  /** Distinct non-empty strings, well-formed Unicode. */
  ids: string[];
  /** One per id, all of one length. Without them the documents are embedded by the collection's embedding function. */
  embeddings?: Embeddings;
  /** One per id: the texts, `null` where a record has none. */
  documents?: (string | null)[];
  /** One per id. Keys whose value is `null` are left out. */
  metadatas?: (Nullable<TMeta> | null)[];
  /** One per id: where the data lies elsewhere. Stored and returned, never followed. */
  uris?: (string | null)[];
  /** Left out, metadata is stored as it is given: see {@link Flattening} for `"flatten"`. */
  metadata?: undefined;
}

/**
 * Arguments of a write, of which the metadata may be nested when `metadata` is `"flatten"`: it is stored as {@link flattenMetadata} makes
 * it. What is left out of it is told once a call, as the warning `METADATA_DROPPED`.
 */
export type Flattening<A extends object> =
  | A
  | (Omit<A, "metadatas" | "metadata"> & {
      /** Nested objects become dotted keys; empty arrays and objects are left out, with a warning. */
      metadata: "flatten";
      /** One per id: objects of any depth, whose values are those of metadata. */
      metadatas?: (object | null)[];
    });

/** Arguments of `collection.upsert`: metadata is merged into what is stored, `null` deletes a key. */
export interface UpsertArguments<TMeta extends MetadataOf<TMeta> = Metadata> extends Omit<AddArguments<TMeta>, "metadatas"> {
  /**
   * One per id: merged into what is stored, key by key; `null` deletes a key, and in place of a record's metadata changes
   * nothing.
   */
  metadatas?: (Patch<TMeta> | null)[];
}

/** Arguments of `collection.update`: what is left out, or `null`, stays as it is. */
export interface UpdateArguments<TMeta extends MetadataOf<TMeta> = Metadata> extends Omit<UpsertArguments<TMeta>, "embeddings"> {
  /** One per id, `null` where it stays. Without them new documents are embedded by the collection's embedding function. */
  embeddings?: (readonly number[] | Float32Array | null)[] | Float32Array;
}

/** The metadata, in which keys that need not be there may also be `null`. */
export type Nullable<TMeta extends MetadataOf<TMeta>> = {
  [K in keyof TMeta]: Metadata extends TMeta ? TMeta[K] | null : undefined extends TMeta[K] ? TMeta[K] | null : TMeta[K];
};

/** A change of metadata: merged key by key, `null` deletes a key. */
export type Patch<TMeta extends MetadataOf<TMeta>> = { [K in keyof TMeta]?: TMeta[K] | null };
