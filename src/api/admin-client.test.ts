import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestClient } from "../testing/client.js";
import { AdminClient } from "./admin-client.js";
import { TidepoolClient } from "./client.js";

let client: TidepoolClient;
let admin: AdminClient;

beforeEach(() => {
  client = openTestClient({ allowReset: true });
  admin = new AdminClient({ client });
});
afterEach(() => client.close());

test("tenants and databases are created, found, listed in pages and deleted", async () => {
  expect(await admin.getTenant({ name: "default_tenant" })).toBe("default_tenant");
  await admin.createTenant({ name: "team" });
  expect(await admin.getTenant({ name: "team" })).toBe("team");
  for (const name of ["one", "two", "three"]) await admin.createDatabase({ name, tenant: "team" });
  const found = await admin.getDatabase({ name: "two", tenant: "team" });
  expect(found).toEqual({ id: expect.any(String), name: "two", tenant: "team" });
  expect((await admin.listDatabases({ tenant: "team", limit: 2, offset: 1 })).map(({ name }) => name)).toEqual(["three", "two"]);
  await admin.deleteDatabase({ name: "two", tenant: "team" });
  expect((await admin.listDatabases({ tenant: "team" })).map(({ name }) => name)).toEqual(["one", "three"]);
});

test("what is missing, taken or malformed is told apart", async () => {
  await expect(admin.getTenant({ name: "none" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(admin.createDatabase({ name: "abc", tenant: "none" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(admin.listDatabases({ tenant: "none" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(admin.deleteDatabase({ name: "none", tenant: "default_tenant" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(admin.createTenant({ name: "default_tenant" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await expect(admin.createDatabase({ name: "default_database", tenant: "default_tenant" })).rejects.toMatchObject({
    code: "ALREADY_EXISTS",
  });
  await expect(admin.createDatabase({ name: "a", tenant: "default_tenant" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(admin.createTenant({} as never)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("name"),
  });
  await expect(admin.getDatabase({ name: "abc" } as never)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("tenant"),
  });
});

test("a client of another database shares the connection and sees only its own collections", async () => {
  await admin.createDatabase({ name: "drafts", tenant: "default_tenant" });
  const drafts = new TidepoolClient({ client, database: "drafts" });
  const mine = await client.createCollection({ name: "notes", embeddingFunction: null });
  const theirs = await drafts.createCollection({ name: "notes", embeddingFunction: null });
  expect(theirs.id).not.toBe(mine.id);
  expect([theirs.tenant, theirs.database]).toEqual(["default_tenant", "drafts"]);
  await theirs.add({ ids: ["a"], embeddings: [[1]] });
  expect([await mine.count(), await theirs.count()]).toEqual([0, 1]);
  expect((await client.getCollectionById(mine.id)).name).toBe("notes");
  await expect(client.getCollectionById(theirs.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await client.getCollectionByCrn("default_tenant:drafts:notes")).id).toBe(theirs.id);
  await admin.deleteDatabase({ name: "drafts", tenant: "default_tenant" });
  await expect(theirs.count()).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a client whose tenant or database is not there is told so by name", async () => {
  const nobody = new TidepoolClient({ client, tenant: "nobody" });
  await expect(nobody.createCollection({ name: "notes" })).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "Tenant [nobody] does not exist",
  });
  const nowhere = new TidepoolClient({ client, database: "nowhere" });
  await expect(nowhere.listCollections()).rejects.toMatchObject({ code: "NOT_FOUND", message: "Database [nowhere] does not exist" });
  await expect(nowhere.countCollections()).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("collections are opened several at a time, and by page", async () => {
  for (const name of ["aaa", "bbb", "ccc"]) await client.createCollection({ name, embeddingFunction: null });
  expect((await client.getCollections(["ccc", "aaa"])).map(({ name }) => name)).toEqual(["ccc", "aaa"]);
  expect((await client.getCollections([{ name: "bbb" }])).map(({ name }) => name)).toEqual(["bbb"]);
  expect(await client.getCollections([])).toEqual([]);
  await expect(client.getCollections(["aaa", "none"])).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await client.listCollections({ limit: 1, offset: 1 })).map(({ name }) => name)).toEqual(["bbb"]);
  for (const crn of ["aaa", "a:b", "a::b", "a:b:c:d"]) {
    await expect(client.getCollectionByCrn(crn)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
});

test("identity without rules, and the indexes' progress", async () => {
  expect(await client.getUserIdentity()).toEqual({ user_id: "", tenant: "default_tenant", databases: ["default_database"] });
  const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
  expect(await notes.getIndexingStatus()).toEqual({ total_ops: 0, num_indexed_ops: 0, num_unindexed_ops: 0, op_indexing_progress: 1 });
  await notes.add({ ids: ["a"], embeddings: [[1]] });
  expect(await notes.getIndexingStatus()).toEqual({ total_ops: 1, num_indexed_ops: 0, num_unindexed_ops: 1, op_indexing_progress: 0 });
});
