/** What tests of export and import share: records of every kind, and readers of what is exported, other libraries' where there are some. */
import { tableFromIPC } from "apache-arrow";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import type { Metadata, MetadataValue } from "../core/types.js";
import type { Random } from "./environment.js";

/** A record as a reader of an export sees it. */
export interface ExportedRecord {
  id: string;
  document: string | null;
  uri: string | null;
  metadata: Metadata | null;
  embedding: number[];
}

const TEXTS = ["", "ebb", "Flut — Ärger 潮汐 🌊", 'quote " and \\ and \n line', "\u2028\u0000", "a".repeat(300)];
const KEYS = ["year", "tag", "a.b", "metadata.year", "__proto__", "日", "year:number", "s", "s.indices", ""];
const NUMBERS = [0, -0, 1, -1, 0.1, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, -1.5, 2 ** 53 + 2];

/** Records with everything that a record can hold. */
export function randomRecords(random: Random, count: number, dimension: number): ExportedRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    id: random.chance(0.2) ? `${random.pick(TEXTS)}#${i}` : `r${i}`,
    document: random.chance(0.3) ? null : random.pick(TEXTS),
    uri: random.chance(0.7) ? null : `https://x/${i}`,
    metadata: random.chance(0.2) ? null : randomMetadata(random),
    embedding: Array.from(random.vector(dimension), (value) => (random.chance(0.1) ? -0 : value)),
  }));
}

function randomMetadata(random: Random): Metadata {
  const metadata: Metadata = {};
  for (let n = 1 + random.below(5); n > 0; n--) {
    Object.defineProperty(metadata, random.pick(KEYS) || "plain", { value: randomValue(random), enumerable: true, configurable: true });
  }
  return metadata;
}

function randomValue(random: Random): MetadataValue {
  const some = <T>(from: readonly T[]): T[] => Array.from({ length: 1 + random.below(4) }, () => random.pick(from));
  const kinds: (() => MetadataValue)[] = [
    () => random.pick(NUMBERS),
    () => random.pick(TEXTS),
    () => random.chance(0.5),
    () => some(NUMBERS),
    () => some(TEXTS),
    () => some([true, false]),
    () => ({ indices: [0, 7, 2 ** 32 - 1], values: [0.5, -1, Math.fround(0.1)] }),
    () => ({ indices: [], values: [] }),
  ];
  return random.pick(kinds)();
}

/** One record a line; `null` embedding where there is none. */
export function readJsonLines(bytes: Uint8Array): ExportedRecord[] {
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n");
  if (lines.pop() !== "") throw new Error("the last line does not end");
  return lines.map((line) => {
    const { id, text_chunk, embedding, metadata, uri } = JSON.parse(line) as Omit<ExportedRecord, "document"> & {
      text_chunk: string | null;
    };
    return { id, document: text_chunk, uri, metadata: withoutMarks(metadata), embedding };
  });
}

function withoutMarks(metadata: Metadata | null): Metadata | null {
  for (const value of Object.values(metadata ?? {})) delete (value as { "#type"?: string })["#type"];
  return metadata;
}

type Row = Record<string, unknown>;

/** By apache-arrow. */
export function readArrow(bytes: Uint8Array): ExportedRecord[] {
  const table = tableFromIPC(bytes);
  const description = table.schema.metadata.get("tidepool")!;
  const names = table.schema.fields.map(({ name }) => name);
  return Array.from({ length: table.numRows }, (_, row) =>
    recordOf(Object.fromEntries(names.map((name, c) => [name, plain(table.getChildAt(c)!.get(row))])), description),
  );
}

/** By hyparquet. */
export async function readParquet(bytes: Uint8Array): Promise<ExportedRecord[]> {
  const file = bytes.slice().buffer;
  const metadata = parquetMetadata(file);
  const description = metadata.key_value_metadata!.find(({ key }) => key === "tidepool")!.value!;
  const rows = (await parquetReadObjects({ file, metadata })) as Row[];
  return rows.map((row) => recordOf(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])), description));
}

/** Lists as arrays, and whole numbers as numbers. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  const isList = typeof value === "object" && value !== null && Symbol.iterator in value;
  return isList ? Array.from(value as Iterable<unknown>, plain) : (value ?? null);
}

function recordOf(row: Row, description: string): ExportedRecord {
  const { columns } = JSON.parse(description) as { columns: { name: string; key: string; kind: string }[] };
  const rest = row.metadata == null ? null : withoutMarks(JSON.parse(row.metadata as string) as Metadata);
  const values = columns.flatMap(({ name, key, kind }): [string, unknown][] => {
    const value = kind === "sparse" ? sparseOf(row[`${name}.indices`], row[`${name}.values`]) : row[name];
    return value == null ? [] : [[key, value]];
  });
  const metadata = values.length === 0 ? rest : Object.fromEntries([...values, ...Object.entries(rest ?? {})]);
  const { id, document, uri, embedding } = row;
  return { id, document, uri, metadata, embedding } as ExportedRecord;
}

function sparseOf(indices: unknown, values: unknown): unknown {
  return values == null ? null : { indices, values };
}
