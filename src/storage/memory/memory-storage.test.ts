import { describe, expect, test } from "vitest";
import type { ConformanceTarget } from "../../testing/storage-conformance.js";
import { conformanceCases, runConformanceCase } from "../../testing/storage-conformance.js";
import { openMemoryStorage } from "./memory-storage.js";

const target: ConformanceTarget = { open: openMemoryStorage, capabilities: { arenas: false } };

describe("conformance", () => {
  for (const { name } of conformanceCases(target.capabilities)) test(name, () => runConformanceCase(name, target));
});

test("two storages under one name share what they store, under two names nothing", async () => {
  const [a, b, other] = [await openMemoryStorage("x"), await openMemoryStorage("x"), await openMemoryStorage("y")];
  await a.catalog.commit({ put: new Map([["k", Uint8Array.of(1)]]) });
  expect(await b.catalog.get("k")).toEqual(Uint8Array.of(1));
  expect(await other.catalog.get("k")).toBeNull();
});

test("a released blob cannot be read any more", async () => {
  const { blobs } = await openMemoryStorage("released");
  await blobs.retain([]);
  const extent = await blobs.write(Uint8Array.of(1));
  await blobs.release([extent]);
  await expect(blobs.read([{ extent, start: 0, length: 1 }])).rejects.toMatchObject({ code: "CORRUPTION" });
});
