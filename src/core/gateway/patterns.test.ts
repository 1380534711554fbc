/** That filters with patterns load what compiles them, and others do not. In a file of its own: what was loaded stays. */
import { expect, test } from "vitest";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { openedEngine } from "../../testing/opened-engines.js";
import { loadPatterns } from "../../testing/patterns.js";
import { TidepoolError } from "../errors.js";
import type { WhereDocument } from "../types.js";

test("the first filter with a pattern loads what compiles it; where that fails nothing is deleted, and it is tried again", async () => {
  const asked: string[] = [];
  let answer = (): ReturnType<typeof loadPatterns> => Promise.reject(new TidepoolError("NOT_SUPPORTED", "not to be had"));
  const { service } = await openedEngine(await openMemoryStorage("patterns"), {
    loadPatterns: () => {
      asked.push("load");
      return answer();
    },
  });
  const scope = { tenant: "default_tenant", database: "default_database" };
  const request = { ...scope, name: "notes", metadata: null, configuration: {}, getOrCreate: false };
  const { id: collectionId } = await service.createCollection(request);
  const embeddings = { dimension: 1, values: new Float32Array([1, 2]), present: null };
  const records = { ids: ["a", "b"], embeddings, documents: ["ebb", "flow"], metadatas: null, uris: null };
  await service.write({ collectionId, operation: "add", records });
  const count = (whereDocument: WhereDocument): Promise<number> => service.count({ collectionId, whereDocument });

  expect(await count({ $contains: "e" })).toBe(1);
  expect(asked).toEqual([]);
  await expect(count({ $regex: "^e" })).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: "not to be had" });
  await expect(service.delete({ collectionId, whereDocument: { $regex: "^e" } })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  expect(await count({ $contains: "" })).toBe(2);

  answer = loadPatterns;
  expect(await service.delete({ collectionId, whereDocument: { $regex: "^e" } })).toMatchObject({ deleted: 1 });
  expect(await count({ $regex: "w$" })).toBe(1);
  expect(asked).toHaveLength(3);
});
