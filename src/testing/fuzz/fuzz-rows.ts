/**
 * Hostile log records and catalog rows, with checksums that are right: they decode to what they are said to be, or are
 * `CORRUPTION`, and no key of theirs becomes a prototype.
 */
import { crc32 } from "../../core/base/checksum.js";
import { decodeJson, encodeJson } from "../../core/base/json-bytes.js";
import { type LogOperation, type LogRecord, operationsOf } from "../../core/base/operations.js";
import { atOnce } from "../../core/base/steps.js";
import { decodeLogRecord, encodeLogRecord } from "../../core/log/log-record.js";
import { decodeRow, encodeRow } from "../../core/sysdb/row.js";
import { Random } from "../environment.js";
import { type FuzzTarget, faultIn } from "./fuzz-target.js";
import { mutateBytes, mutateJson } from "./mutate.js";

const INPUTS = 50;
const HEADER_AT = 12;
const LINK_BYTES = 4;

export const fuzzRows: FuzzTarget = {
  name: "rows",
  inputs: INPUTS,
  seeds: 600,
  async run(seed) {
    const random = new Random(seed);
    for (let input = 0; input < INPUTS; input++) {
      const fault = input % 4 === 0 ? hostileRow(random) : hostileRecord(random);
      if (fault !== null) return `input ${input}: ${fault}`;
    }
    return Object.keys(Object.prototype).length === 0 ? null : "a prototype was changed";
  },
};

function hostileRow(random: Random): string | null {
  const row = { id: "a", name: "tides", metadata: { __proto__x: 1 }, sequence: 1 };
  const sound = encodeRow("collection/a", random.chance(0.5) ? mutateJson(random, row) : row);
  const bytes = mutateBytes(random, sound);
  if (random.chance(0.7) && bytes.length >= 4) reseal(bytes, crc32(encodeUtf8("collection/a")), bytes.length);
  return faultIn(() => decodeRow("collection/a", bytes), ["CORRUPTION"]);
}

const encodeUtf8 = (text: string) => new TextEncoder().encode(text);

function reseal(bytes: Uint8Array, seed: number, end: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, crc32(bytes.subarray(4, end), seed), true);
}

function hostileRecord(random: Random): string | null {
  const sound = atOnce(encodeLogRecord(soundRecord(random)));
  const bytes = random.chance(0.5) ? mutateBytes(random, sound) : withHeader(sound, (header) => mutateJson(random, header));
  const isOld = bytes[4] === 1 || bytes[4] === 2;
  if (bytes.length >= 20) reseal(bytes, 0, isOld ? bytes.length : bytes.length - LINK_BYTES);
  return faultIn(() => checkRecord(decodeLogRecord(bytes, "7")), ["CORRUPTION"]);
}

/** The record with another header, and the rest of it as it was. */
function withHeader(bytes: Uint8Array, change: (header: unknown) => unknown): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const end = HEADER_AT + view.getUint32(8, true);
  const header = encodeJson(change(decodeJson(bytes.subarray(HEADER_AT, end))) ?? null);
  const padding = new Uint8Array((4 - ((HEADER_AT + header.length) % 4)) % 4);
  const changed = Uint8Array.from([...bytes.subarray(0, HEADER_AT), ...header, ...padding, ...bytes.subarray((end + 3) & ~3)]);
  new DataView(changed.buffer).setUint32(8, header.length, true);
  return changed;
}

function soundRecord(random: Random): LogRecord {
  if (random.chance(0.8)) return { ...soundOperation(random), requestId: "c-1" };
  return { kind: "transaction", operations: Array.from({ length: random.below(4) }, () => soundOperation(random)), requestId: "c-1" };
}

function soundOperation(random: Random): LogOperation {
  const ids = Array.from({ length: 1 + random.below(4) }, (_, i) => random.pick(["__proto__", "constructor", `r${i}`]) + i);
  if (random.chance(0.2)) return { kind: "delete", ids };
  const sparse = { indices: [1, 5], values: [0.5, 2] };
  const metadata = (): Record<string, never> => JSON.parse('{"__proto__":1,"n":2.5,"l":["a"]}') as Record<string, never>;
  const metadatas = ids.map(() => (random.chance(0.3) ? null : random.chance(0.3) ? { s: sparse } : metadata()));
  const embeddings = { dimension: 2, values: new Float32Array(2 * ids.length), present: null };
  const records = { ids, documents: ids.map(() => "tide"), metadatas, uris: null, embeddings: random.chance(0.8) ? embeddings : null };
  return { kind: "write", operation: random.pick(["add", "update", "upsert"] as const), records };
}

/** What whoever applies a record relies on. */
function checkRecord(record: LogRecord): void {
  for (const operation of operationsOf(record)) checkOperation(operation);
}

function checkOperation(record: LogOperation): void {
  const texts = (values: readonly unknown[]) => values.every((value) => typeof value === "string");
  const must = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`a record was decoded whose ${what}`);
  };
  if (record.kind === "delete") return must(Array.isArray(record.ids) && texts(record.ids), "ids are no texts");
  const { ids, documents, metadatas, uris, embeddings } = record.records;
  must(Array.isArray(ids) && texts(ids), "ids are no texts");
  must(["add", "update", "upsert"].includes(record.operation), "operation is unknown");
  for (const column of [documents, uris, metadatas])
    must(column === null || column.length === ids.length, "columns are not as long as its ids");
  for (const column of [documents, uris]) must(column === null || texts(column.filter((one) => one !== null)), "texts are no texts");
  for (const metadata of metadatas ?? [])
    must(metadata === null || Object.getPrototypeOf(metadata) === Object.prototype, "metadata are no objects");
  if (embeddings === null) return;
  const rows = embeddings.present === null ? ids.length : embeddings.present.reduce((sum, one) => sum + one, 0);
  must(embeddings.values.length === rows * embeddings.dimension, "embeddings are not as many as it says");
}
