/** Sparse vectors in metadata, over REST: with Chroma's mark in answers, with or without it in requests. */
import type { Metadata, MetadataPatch, MetadataValue, SparseVector } from "../../core/types.js";
import { shortest } from "./numbers.js";

const MARK = "sparse_vector";

/** A sparse vector as a request may bring it. */
export interface SparseVectorOnWire extends SparseVector {
  "#type"?: typeof MARK | null;
  tokens?: string[] | null;
}

export const sparseVectorSchema = {
  type: "object",
  required: ["indices", "values"],
  properties: {
    "#type": { type: "string", enum: [MARK] },
    indices: { type: "array", items: { type: "integer", format: "int32", minimum: 0 } },
    values: { type: "array", items: { type: "number", format: "float" } },
    tokens: { type: ["array", "null"], items: { type: "string" } },
  },
};

export function isSparseVectorOnWire(value: unknown): value is SparseVectorOnWire {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { "#type": type, indices, values, tokens } = value as Record<string, unknown>;
  return (
    (type == null || type === MARK) &&
    isListOf(indices, (index) => typeof index === "number" && index === index >>> 0) &&
    isListOf(values, (one) => typeof one === "number") &&
    (tokens == null || isListOf(tokens, (token) => typeof token === "string"))
  );
}

function isListOf(value: unknown, fits: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits);
}

/** What Chroma's server asks of a sparse vector beyond its form. */
export function isSoundSparseVector({ indices, values }: SparseVectorOnWire): boolean {
  return indices.length === values.length && indices.every((index, i) => i === 0 || index > indices[i - 1]!);
}

/** Metadata as it is answered, and sent: then `null` under a key deletes it. */
export function metadataOnWire(metadata: MetadataPatch | null): Record<string, unknown> | null {
  if (metadata === null || !Object.values(metadata).some(isSparse)) return metadata;
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, isSparse(value) ? vectorOnWire(value) : value]));
}

function vectorOnWire({ indices, values }: SparseVector): object {
  return { "#type": MARK, indices, values: values.map(shortest) };
}

/** Metadata as it has come, whose sparse vectors have neither mark nor tokens here. */
export function metadataFromWire(metadata: Record<string, ValueFromWire> | null): Metadata | null {
  if (metadata === null || !Object.values(metadata).some(isSparse)) return metadata as Metadata | null;
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key, isSparse(value) ? { indices: value.indices, values: value.values } : value]),
  ) as Metadata;
}

type ValueFromWire = MetadataValue | SparseVectorOnWire;

function isSparse(value: ValueFromWire | null): value is SparseVector {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
