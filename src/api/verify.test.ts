import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestClient } from "../testing/client.js";
import { TestEnvironment } from "../testing/environment.js";
import type { TidepoolClient } from "./client.js";
import type { VerifyProgress } from "./verify.js";

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
    onProgress: ({ done, total, collection }) => void (collection && told.push(`${done}/${total} ${collection.name}`)),
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

test("verify tells how far it is within a collection, too", async () => {
  await client.vacuum();
  const told: VerifyProgress[] = [];
  await client.verify({ deep: true, onProgress: (progress) => void told.push(progress) });
  expect(told.filter(({ collection }) => collection === null).length).toBeGreaterThan(4);
  const shares = told.map(({ share }) => share);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect([shares[0]! > 0 && shares[0]! < 0.5, shares.at(-1)]).toEqual([true, 1]);
});

test.each([
  ["between collections", ({ collection }: VerifyProgress) => collection !== null],
  ["within a collection", ({ collection }: VerifyProgress) => collection === null],
])("verify ends at the signal, %s, and tells nothing after it", async (_, isTime) => {
  await client.vacuum();
  const controller = new AbortController();
  let isOver = false;
  const onProgress = (progress: VerifyProgress): void => {
    expect(isOver).toBe(false);
    isOver = isTime(progress);
    if (isOver) controller.abort();
  };
  await expect(client.verify({ signal: controller.signal, onProgress })).rejects.toMatchObject({ code: "ABORTED" });
  expect(isOver).toBe(true);
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
