import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogRecord } from "../base/operations.js";
import { atOnce } from "../base/steps.js";
import type { MetadataPatch } from "../types.js";
import { checksumIn, decodeLogRecord, encodeLogRecord, linkIn, setLink } from "./log-record.js";

const write: LogRecord = {
  kind: "write",
  operation: "upsert",
  records: {
    ids: ["a", "ü", "𝄞"],
    embeddings: { dimension: 3, values: Float32Array.of(1, 2, 3, -4, 5.5, 6e-8), present: Uint8Array.of(1, 0, 1) },
    documents: ["text", null, ""],
    metadatas: [{ n: 1, s: "x", gone: null, list: [true, false] }, null, JSON.parse('{"__proto__": 7}') as Record<string, number>],
    uris: null,
  },
};

const sparse = { indices: [0, 7, 4294967295], values: [Math.fround(0.1), -2, 2 ** 127] };
const withSparse: LogRecord = {
  ...write,
  records: {
    ...write.records,
    metadatas: [
      { sv: sparse, n: 1 },
      null,
      JSON.parse(`{"__proto__": ${JSON.stringify(sparse)}, "e": {"indices": [], "values": []}, "7": 1}`) as MetadataPatch,
    ],
  },
};

describe("a log record", () => {
  test.each<[string, LogRecord]>([
    ["write", write],
    ["write without embeddings", { ...write, records: { ...write.records, embeddings: null } } as LogRecord],
    ["write with sparse vectors", withSparse],
    ["write with sparse vectors and no embeddings", { ...withSparse, records: { ...withSparse.records, embeddings: null } } as LogRecord],
    ["delete", { kind: "delete", ids: ["a", "b"] }],
    ["transaction", { kind: "transaction", operations: [withSparse, { kind: "delete", ids: ["c"] }, write], requestId: "r" } as LogRecord],
    ["transaction of nothing", { kind: "transaction", operations: [] }],
  ])("%s comes back as it was", (_, record) => {
    expect(decodeLogRecord(atOnce(encodeLogRecord(record)), "1")).toEqual(record);
  });

  test("gives back any mixture of embeddings and sparse vectors", () => {
    const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
    const vector = fc
      .array(fc.tuple(fc.nat(0xffffffff), float32), { maxLength: 5 })
      .map((entries) => ({ indices: entries.map(([index]) => index), values: entries.map(([, value]) => value) }));
    const metadata = fc.dictionary(fc.string(), fc.oneof(vector, fc.string(), fc.array(fc.boolean()), fc.constant(null)));
    const row = fc.record({ embedding: fc.option(fc.array(float32, { minLength: 2, maxLength: 2 })), metadata: fc.option(metadata) });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (rows) => {
        const carried = rows.flatMap(({ embedding }) => (embedding === null ? [] : [embedding]));
        const present = carried.length === rows.length ? null : Uint8Array.from(rows, ({ embedding }) => (embedding === null ? 0 : 1));
        const embeddings = carried.length === 0 ? null : { dimension: 2, values: Float32Array.from(carried.flat()), present };
        const records = {
          ids: rows.map((_, i) => `r${i}`),
          embeddings,
          documents: null,
          metadatas: rows.map(({ metadata }) => metadata),
          uris: null,
        };
        const record: LogRecord = { kind: "write", operation: "add", records };
        expect(decodeLogRecord(atOnce(encodeLogRecord(record)), "1")).toEqual(record);
      }),
    );
  });

  test("carries its link, which is no part of what its checksum covers", () => {
    for (const record of [write, withSparse]) {
      const bytes = atOnce(encodeLogRecord(record));
      const checksum = checksumIn(bytes);
      setLink(bytes, 4_000_000_000);
      expect([linkIn(bytes), checksumIn(bytes)]).toEqual([4_000_000_000, checksum]);
      expect(decodeLogRecord(bytes, "1")).toEqual(record);
    }
  });

  test.each([
    ["without", write],
    ["with", withSparse],
  ])("%s sparse vectors is refused when any byte of it changed", (_, record) => {
    const bytes = atOnce(encodeLogRecord(record));
    for (let i = 0; i < bytes.length - 4; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 0x40;
      expect(() => decodeLogRecord(damaged, '7 of collection "c"')).toThrow(/Log record 7 of collection "c"/);
    }
  });

  test("is refused when it was cut short", () => {
    const bytes = atOnce(encodeLogRecord(write));
    for (const length of [0, 3, 4, 11, bytes.length - 1]) {
      expect(() => decodeLogRecord(bytes.slice(0, length), "7")).toThrow(expect.objectContaining({ code: "CORRUPTION" }));
    }
  });
});
