/**
 * Rows of tables with types, as fields. A table of `collection.export` says of itself which of its columns are metadata, by what it has
 * under the key `tidepool`; its rows become those that an export as JSON lines has.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import type { Fields } from "./source-row.js";

/** The key that the description stands under in the file's own metadata. */
export const DESCRIPTION_KEY = "tidepool";

interface OwnColumn {
  name: string;
  key: string;
  kind: string;
}

/** What a row is that has these values; `null` where there is none. */
export type ReadTableRow = (values: Fields) => { fields: Fields } | { reason: string };

/** `description` is what the file has under `DESCRIPTION_KEY`. */
export function tableRows(description: string | undefined): ReadTableRow {
  const columns = description === undefined ? null : readDescription(description);
  return (values) => {
    const bytes = Object.keys(values).find((name) => hasBytes(values[name]));
    if (bytes !== undefined) return { reason: `the column ${show(bytes)} has bytes that are no text: nothing of a record can be such` };
    return columns === null ? { fields: values } : readOwn(values, columns);
  };
}

/** A column whose values no record can have. */
export function columnNotRead(name: string, what: string): TidepoolError {
  const remedy = "mapping.metadata can name the columns that are to be read";
  return invalidArgument(`The column ${show(name)} is ${what}, which nothing of a record can be: ${remedy}`);
}

export function numberWherePossible(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Text, or the bytes where they are none. */
export function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

function hasBytes(value: unknown): boolean {
  return value instanceof Uint8Array || (Array.isArray(value) && value.some((element) => element instanceof Uint8Array));
}

function readOwn(values: Fields, columns: readonly OwnColumn[]): { fields: Fields } | { reason: string } {
  try {
    const { id, document, uri, embedding } = values;
    return { fields: { id, document, uri, embedding, metadata: ownMetadata(values, columns) } };
  } catch (error) {
    if (error instanceof TidepoolError) return { reason: error.message };
    throw error;
  }
}

/** The column `metadata` has what stands in no other. */
function ownMetadata(values: Fields, columns: readonly OwnColumn[]): Fields | null {
  const metadata = readRest(values.metadata);
  const own = columns.flatMap(({ name, key, kind }): [string, unknown][] => {
    const value = kind === "sparse" ? sparse(values[`${name}.indices`], values[`${name}.values`]) : values[name];
    return value == null ? [] : [[key, value]];
  });
  return metadata === null && own.length === 0 ? null : Object.fromEntries([...own, ...Object.entries(metadata ?? {})]);
}

function sparse(indices: unknown, values: unknown): unknown {
  return indices == null || values == null ? null : { indices: plain(indices), values: plain(values) };
}

/** Lists of numbers may be typed. */
export function plain(value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value;
}

function readRest(text: unknown): Fields | null {
  if (text == null) return null;
  try {
    return JSON.parse(String(text)) as Fields;
  } catch (error) {
    throw invalidArgument(`the column "metadata" is not JSON: ${(error as Error).message}`);
  }
}

function readDescription(text: string): OwnColumn[] {
  try {
    const { version, columns } = JSON.parse(text) as { version: unknown; columns: OwnColumn[] };
    if (version === 1 && columns.every(isOwnColumn)) return columns;
  } catch {
    // Told below.
  }
  throw invalidArgument(`The table says of its columns ${show(text.slice(0, 80))}, which this version does not know`);
}

function isOwnColumn({ name, key, kind }: OwnColumn): boolean {
  return [name, key, kind].every((part) => typeof part === "string");
}
