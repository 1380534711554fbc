import { expect, test } from "vitest";
import * as entry from "../index.js";
import { openTestClient } from "../testing/client.js";

const { ChromaError, ChromaNotFoundError, ChromaUnauthorizedError, ChromaValueError, TidepoolError } = entry;

test("what Chroma's classes make has Chroma's names and is an error of ours", () => {
  const cause = new Error("why");
  const error = new ChromaValueError("no key", cause);
  expect(error).toMatchObject({ name: "ChromaValueError", code: "INVALID_ARGUMENT", message: "no key", cause });
  expect(error).toBeInstanceOf(TidepoolError);
  expect(new ChromaUnauthorizedError("who?").name).toBe("ChromaAuthError");
});

test("what this package throws is an instance of the classes that stand for its code", async () => {
  const client = openTestClient();
  const error: unknown = await client.getCollection({ name: "none" }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ChromaNotFoundError);
  expect(error).toBeInstanceOf(ChromaError);
  expect(new TypeError("x") instanceof ChromaError).toBe(false);
  expect(new ChromaError("ChromaOddError", "odd", "why")).toMatchObject({ name: "ChromaOddError", message: "odd", cause: "why" });
  expect(error instanceof ChromaValueError).toBe(false);
  expect(new TypeError("x") instanceof ChromaValueError).toBe(false);
  await client.close();
});

test("the handle of a collection asks nobody, and does what needs no embedding function", async () => {
  const client = openTestClient();
  expect(await client.getPreflightChecks()).toEqual({ max_batch_size: 5461, supports_base64_encoding: true });
  expect([await client.getMaxBatchSize(), await client.supportsBase64Encoding()]).toEqual([5461, true]);
  const { id } = await client.createCollection({ name: "abc" });
  const handle = client.collection(id);
  expect([handle.id, handle.name, handle.metadata, handle.tenant]).toEqual([id, "", undefined, "default_tenant"]);
  await handle.add({ ids: ["a"], embeddings: [[1, 2]], documents: ["ebb"] });
  expect((await handle.query({ queryEmbeddings: [[1, 2]] })).ids).toEqual([["a"]]);
  expect(await handle.count()).toBe(1);
  const error: unknown = await handle.query({ queryTexts: ["ebb"] }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "EMBEDDING_FUNCTION", message: expect.stringContaining("getCollectionById") });
  await expect(client.collection("none").count()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(() => client.collection("")).toThrow(TidepoolError);
  await client.close();
});
