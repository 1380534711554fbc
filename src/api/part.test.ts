/** Calls whose part of the program is not to be had: every kind of them. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openTestClient } from "../testing/client.js";
import type { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";
import { Knn } from "./search/rank.js";
import { Search } from "./search/search.js";

const lost = vi.hoisted(() => () => {
  throw new TypeError("the file is not there");
});
vi.mock("./transfer/export.js", lost);
vi.mock("./search/run-search.js", lost);
vi.mock("./live/subscribe.js", lost);
vi.mock("./passages/documents.js", lost);
vi.mock("./transaction-rules.js", lost);
vi.mock("./verify.js", lost);
vi.mock("./sync/sync-handle.js", lost);

let client: TidepoolClient;
let notes: Collection;
beforeEach(async () => {
  client = openTestClient();
  notes = await client.createCollection({ name: "notes", embeddingFunction: null });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await client.close();
});

const calls: [string, () => Promise<unknown>][] = [
  ["export", () => notes.export({ format: "jsonl" }).getReader().read()],
  ["search", () => notes.search(new Search().rank(Knn({ query: [1] })))],
  ["subscribe", () => notes.subscribe({ get: {} }, () => undefined)],
  ["addDocument", () => notes.addDocument({ id: "a", text: "one", embeddings: [[1]] } as never)],
  ["conditional", () => notes.conditional().get({ ids: ["a"] })],
  ["verify", () => client.verify()],
  ["sync", () => client.sync({ remote: { url: "http://chroma.test" }, collections: ["notes"] })],
];

test.each(calls)("%s says that a file was not fetched, or that service workers load none", async (name, call) => {
  const cause = expect.any(Error);
  await expect(call()).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("try again"), cause });
  vi.stubGlobal("skipWaiting", () => undefined);
  const message = expect.stringContaining(name === "sync" ? "tidepool-db/sync" : "in a page");
  await expect(call()).rejects.toMatchObject({ code: "NOT_SUPPORTED", message, cause });
});
