import { describe, expect, test } from "vitest";
import { type LogRecord, decodeLogRecord, encodeLogRecord } from "./log-record.js";

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

describe("a log record", () => {
  test.each<[string, LogRecord]>([
    ["write", write],
    ["write without embeddings", { ...write, records: { ...write.records, embeddings: null } } as LogRecord],
    ["delete", { kind: "delete", ids: ["a", "b"] }],
  ])("%s comes back as it was", (_, record) => {
    expect(decodeLogRecord(encodeLogRecord(record), "1")).toEqual(record);
  });

  test("is refused when any byte of it changed", () => {
    const bytes = encodeLogRecord(write);
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 0x40;
      expect(() => decodeLogRecord(damaged, '7 of collection "c"')).toThrow(/Log record 7 of collection "c"/);
    }
  });

  test("is refused when it was cut short", () => {
    const bytes = encodeLogRecord(write);
    for (const length of [0, 3, 4, 11, bytes.length - 1]) {
      expect(() => decodeLogRecord(bytes.slice(0, length), "7")).toThrow(expect.objectContaining({ code: "CORRUPTION" }));
    }
  });
});
