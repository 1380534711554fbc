import { describe, expect, test } from "vitest";
import type { RecordColumns } from "../../types.js";
import { assertAnswerable, forResponse } from "./respond.js";
import type { FieldSelection } from "./select.js";

const all: FieldSelection = { document: true, uri: true, metadata: true, embedding: true };
const MiB = "x".repeat(1024 * 1024);

function columnsOf(ordinals: Uint32Array, document: string): RecordColumns {
  return {
    ids: Array.from(ordinals, (ordinal) => `r${ordinal}`),
    documents: Array.from(ordinals, () => document),
    metadatas: Array.from(ordinals, (ordinal) => ({ ordinal })),
    uris: null,
    embeddings: { dimension: 2, values: Float32Array.from([...ordinals].flatMap((ordinal) => [ordinal, -ordinal])) },
  };
}

describe("fetching for a response", () => {
  test("gives the columns of all, with a turn after every few", async () => {
    let ticks = 0;
    const sizes: number[] = [];
    const fetch = forResponse(
      async (ordinals) => {
        sizes.push(ordinals.length);
        return columnsOf(ordinals, "d");
      },
      () => void ticks++,
    );
    const ordinals = Uint32Array.from({ length: 1000 }, (_, i) => i);
    expect(await fetch(ordinals, all)).toEqual(columnsOf(ordinals, "d"));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256);
    expect(ticks).toBe(sizes.length - 1);
    expect(await fetch(new Uint32Array(0), all)).toEqual(columnsOf(new Uint32Array(0), "d"));
  });

  test("refuses more than one response may hold, over all of its parts, and reads no further", async () => {
    let read = 0;
    const fetch = forResponse(
      async (ordinals) => {
        read += ordinals.length;
        return columnsOf(ordinals, MiB);
      },
      () => undefined,
    );
    await fetch(new Uint32Array(200), all);
    const error = { code: "LIMIT_EXCEEDED", details: { limit: "responseBytesMax", allowed: 256 * 1024 * 1024 } };
    await expect(fetch(new Uint32Array(10_000), all)).rejects.toMatchObject(error);
    expect(read).toBeLessThan(1000);
  });

  test("refuses more embeddings than one response may hold before it reads them", async () => {
    let read = 0;
    const fetch = forResponse(
      async (ordinals) => {
        read += ordinals.length;
        return columnsOf(ordinals, "d");
      },
      () => undefined,
    );
    await expect(fetch(new Uint32Array(40_000_000), all)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(read).toBeLessThan(1000);
  });
});

test("what cannot be answered is refused before it is looked for", () => {
  const refused = expect.objectContaining({ code: "LIMIT_EXCEEDED" });
  expect(() => assertAnswerable(500 * 5000, 384)).toThrow(refused);
  expect(() => assertAnswerable(10_000 * 10_000, 0)).toThrow(refused);
  assertAnswerable(500 * 5000, 0);
  assertAnswerable(10_000, 4096);
});
