/**
 * The record segment: ordinal → id, and ordinal → document, uri and metadata ("payload"). Ids lie in blocks of their own, small ones,
 * because answers ask for the ids of a few records that lie anywhere. Beside each stands a block with the columns `ordinal` and
 * `fingerprint` (`base/fingerprint.ts`), which is what is read of ids when a collection is opened.
 *
 * A payload block has the columns `ordinal`, `document`, `uri`, `hasMetadata` and one typed, nullable column per metadata
 * key and kind of value in the block, named `s:key` string, `n:key` number, `b:key` boolean, `S:key`, `N:key`, `B:key` for
 * arrays of these, and `v:key` for the values of sparse vectors, whose indices stand beside them in `i:key`. At most 64 of
 * them, not counting `i:key`; what does not fit stands in the column `rest` as a JSON object per row.
 */

import { fingerprintOf } from "../base/fingerprint.js";
import { mergeMetadata } from "../base/merge-metadata.js";
import { isSparseVector } from "../base/sparse-vector.js";
import type { Block, Column } from "../blockstore/block.js";
import { encodeBlock } from "../blockstore/block.js";
import type { RowFormat } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import type { Metadata, MetadataPatch, MetadataValue, SparseVector } from "../types.js";
import { gramFilterOf } from "./gram-filter.js";

/** What is stored of a record beside id and embedding. */
export interface Payload {
  document: string | null;
  uri: string | null;
  metadata: Metadata | null;
}

/** A change of a payload: what is `undefined` stays, metadata is merged. */
export interface PayloadPatch {
  document: string | undefined;
  uri: string | undefined;
  metadata: MetadataPatch | undefined;
}

export function patchedPayload(base: Payload, patch: PayloadPatch): Payload {
  return {
    document: patch.document ?? base.document,
    uri: patch.uri ?? base.uri,
    metadata: mergeMetadata(base.metadata, patch.metadata),
  };
}

const METADATA_COLUMNS_MAX = 64;
/** Ids whose fingerprints are made between two turns. */
const IDS_PER_STEP = 4096;

export const idFormat: RowFormat<string> = {
  sizeOf: (id) => 8 + id.length,
  encode: (ordinals, ids) => [
    encodeBlock(
      [
        { type: "u32", name: "ordinal", values: ordinals },
        { type: "utf8", name: "id", values: ids },
      ],
      ids.length,
    ),
  ],
  decode: (parts) => {
    const id = parts[0]!.utf8("id");
    return (row) => id(row)!;
  },
  decodeSome: (parts, rows) => parts[0]!.utf8Some("id", rows),
  same: (parts) => parts[0]!.utf8Is("id"),
  beside: function* (ordinals, ids) {
    const fingerprints = new Uint32Array(ids.length);
    for (let row = 0; row < ids.length; row++) {
      fingerprints[row] = fingerprintOf(ids[row]!);
      if (row % IDS_PER_STEP === IDS_PER_STEP - 1) yield;
    }
    return encodeBlock(
      [
        { type: "u32", name: "ordinal", values: ordinals },
        { type: "u32", name: "fingerprint", values: fingerprints },
      ],
      ids.length,
    );
  },
};

export const payloadFormat: RowFormat<Payload> = {
  sizeOf: payloadSize,
  encode: (ordinals, rows) => [encodePayload(ordinals, rows)],
  decode: (parts) => payloadReader(parts[0]!),
};

/** Of a collection whose documents are indexed: beside each block lies which grams they may have. */
export const indexedPayloadFormat: RowFormat<Payload> = {
  ...payloadFormat,
  beside: (ordinals, rows) =>
    gramFilterOf(
      ordinals,
      rows.map((row) => row.document),
    ),
};

function payloadSize(row: Payload): number {
  let size = 24 + (row.document?.length ?? 0) + (row.uri?.length ?? 0);
  for (const key in row.metadata) {
    size += valueSize(row.metadata[key]!);
  }
  return size;
}

function valueSize(value: MetadataValue): number {
  if (typeof value === "string") return value.length + 5;
  if (isSparseVector(value)) return 9 + value.indices.length * 8;
  return Array.isArray(value) ? 8 + value.length * 12 : 9;
}

function encodePayload(ordinals: Uint32Array, rows: readonly Payload[]): Uint8Array {
  const { columns, rest } = metadataColumns(rows);
  const all: Column[] = [
    { type: "u32", name: "ordinal", values: ordinals },
    { type: "utf8", name: "document", values: rows.map((row) => row.document) },
    { type: "utf8", name: "uri", values: rows.map((row) => row.uri) },
    { type: "bool", name: "hasMetadata", values: rows.map((row) => row.metadata !== null) },
    ...columns,
  ];
  if (rest !== null) all.push({ type: "utf8", name: "rest", values: rest });
  return encodeBlock(all, rows.length);
}

type Kind = "s" | "n" | "b" | "S" | "N" | "B" | "v";

/** Kind of a value. An empty array has no kind of its own and counts as strings. */
function kindOf(value: MetadataValue): Kind {
  if (isSparseVector(value)) return "v";
  const sample = Array.isArray(value) ? value[0] : value;
  const kind = typeof sample === "number" ? "n" : typeof sample === "boolean" ? "b" : "s";
  return Array.isArray(value) ? (kind.toUpperCase() as Kind) : kind;
}

function metadataColumns(rows: readonly Payload[]): { columns: Column[]; rest: (string | null)[] | null } {
  const values = new Map<string, (MetadataValue | null)[]>();
  let rest: (string | null)[] | null = null;
  rows.forEach((row, r) => {
    let leftOver: Metadata | null = null;
    for (const key in row.metadata) {
      const value = row.metadata[key]!;
      const name = `${kindOf(value)}:${key}`;
      let column = values.get(name);
      if (column === undefined && values.size < METADATA_COLUMNS_MAX) {
        column = new Array<MetadataValue | null>(rows.length).fill(null);
        values.set(name, column);
      }
      if (column !== undefined) column[r] = value;
      else Object.defineProperty((leftOver ??= {}), key, { value, enumerable: true });
    }
    if (leftOver !== null) (rest ??= new Array<string | null>(rows.length).fill(null))[r] = JSON.stringify(leftOver);
  });
  return { columns: [...values].flatMap(([name, column]) => metadataColumn(name, column)), rest };
}

function metadataColumn(name: string, values: (MetadataValue | null)[]): Column | Column[] {
  switch (name[0] as Kind) {
    case "s":
      return { type: "utf8", name, values: values as (string | null)[] };
    case "n":
      return { type: "f64", name, values: values as (number | null)[] };
    case "b":
      return { type: "bool", name, values: values as (boolean | null)[] };
    case "S":
      return { type: "utf8-list", name, values: values as (string[] | null)[] };
    case "N":
      return { type: "f64-list", name, values: values as (number[] | null)[] };
    case "B":
      return { type: "bool-list", name, values: values as (boolean[] | null)[] };
    case "v":
      return sparseColumns(name, values as (SparseVector | null)[]);
  }
}

/** A row without a vector has no values, which is not the same as none, and no indices. */
function sparseColumns(name: string, vectors: (SparseVector | null)[]): Column[] {
  return [
    { type: "f32-list", name, values: vectors.map((vector) => vector?.values ?? null) },
    { type: "u32-list", name: indicesName(name), values: vectors.map((vector) => Uint32Array.from(vector?.indices ?? [])) },
  ];
}

function indicesName(name: string): string {
  return `i${name.slice(1)}`;
}

function payloadReader(block: Block): (row: number) => Payload {
  const document = block.utf8("document");
  const uri = block.utf8("uri");
  const hasMetadata = block.bool("hasMetadata");
  const columns = block
    .names()
    .filter((name) => name[1] === ":" && name[0] !== "i")
    .map((name) => ({ key: name.slice(2), read: metadataReader(block, name) }));
  const rest = block.has("rest") ? block.utf8("rest") : () => null;
  const metadata = (row: number): Metadata | null => {
    if (hasMetadata(row) !== true) return null;
    const json = rest(row);
    const out: Metadata = json === null ? {} : (JSON.parse(json) as Metadata);
    for (const { key, read } of columns) {
      const value = read(row);
      if (value !== null) setOwn(out, key, value);
    }
    return out;
  };
  // Fields are decoded when they are asked for: a scan over documents does not touch metadata.
  return (row) => ({
    get document() {
      return document(row);
    },
    get uri() {
      return uri(row);
    },
    get metadata() {
      return metadata(row);
    },
  });
}

function metadataReader(block: Block, name: string): (row: number) => MetadataValue | null {
  switch (name[0] as Kind) {
    case "s":
      return block.utf8(name);
    case "n":
      return block.f64(name);
    case "b":
      return block.bool(name);
    case "S":
      return block.utf8List(name);
    case "N":
      return block.f64List(name);
    case "B":
      return block.boolList(name);
    case "v":
      return sparseReader(block, name);
    default:
      throw new TidepoolError(
        "FORMAT_TOO_NEW",
        `A block has a column "${name}" of a kind that this release does not know: a newer one wrote it.`,
      );
  }
}

function sparseReader(block: Block, name: string): (row: number) => SparseVector | null {
  const readValues = block.f32List(name);
  const readIndices = block.u32List(indicesName(name));
  return (row) => {
    const values = readValues(row);
    if (values === null) return null;
    const indices = Array.from(readIndices(row));
    if (indices.length === values.length) return { indices, values };
    throw new TidepoolError(
      "CORRUPTION",
      `The block is damaged: row ${row} of column "${name}" has ${values.length} values and ${indices.length} indices.`,
    );
  };
}

/** Plain assignment would call the setter of `__proto__`. */
function setOwn(target: Metadata, key: string, value: MetadataValue): void {
  if (key === "__proto__") Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}
