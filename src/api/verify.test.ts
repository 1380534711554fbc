import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestClient } from "../testing/client.js";
import { TestEnvironment } from "../testing/environment.js";
import type { TidepoolClient } from "./client.js";

let client: TidepoolClient;

beforeEach(async () => {
  client = openTestClient({}, new TestEnvironment());
  for (const name of ["one", "two"]) {
    const collection = await client.createCollection({ name, embeddingFunction: null });
    await collection.add({ ids: ["a", "b"], embeddings: [[1], [2]], documents: ["wave", "kelp"], metadatas: [{ n: 1 }, { n: 2 }] });
  }
});
afterEach(() => client.close());

test("verify reports each collection, and tells of each as it is done", async () => {
  const told: string[] = [];
  const report = await client.verify({
    deep: true,
    onProgress: ({ done, total, collection }) => void told.push(`${done}/${total} ${collection.name}`),
  });
  expect(report).toMatchObject({
    isSound: true,
    findings: [],
    collections: [
      { name: "one", isSound: true },
      { name: "two", findings: [] },
    ],
  });
  expect(report.collections[0]!.counts).toMatchObject({ logRecords: 1, records: 0 });
  expect(told).toEqual(["1/2 one", "2/2 two"]);
});

test("verify ends at the signal, between collections", async () => {
  const controller = new AbortController();
  const verifying = client.verify({ signal: controller.signal, onProgress: () => controller.abort() });
  await expect(verifying).rejects.toMatchObject({ code: "ABORTED" });
});

test("verify names what it cannot take", async () => {
  await expect(client.verify({ deep: "yes" as never })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("deep"),
  });
  await expect(client.verify({ onProgress: 1 as never })).rejects.toThrow("onProgress must be a function");
});

test("repair of a sound database verifies it and leaves it alone", async () => {
  const { before, collections } = await client.repair();
  expect(before.isSound).toBe(true);
  expect(collections).toEqual([]);
});
