/** The two routes of conditional transactions: statuses and bodies are those that Chroma's newest client knows. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestClient } from "../../testing/client.js";
import type { TidepoolClient } from "../client.js";
import { createGateway, type GatewayOptions } from "./create-gateway.js";

let client: TidepoolClient;
let path: string;

beforeEach(async () => {
  client = openTestClient();
  const things = await client.createCollection({ name: "things", embeddingFunction: null });
  await things.add({ ids: ["a"], embeddings: [[1]], documents: ["ebb"] });
  path = `/api/v2/tenants/default_tenant/databases/default_database/collections/${things.id}`;
});

afterEach(() => client.close());

async function ask(route: string, body: object, options: GatewayOptions = { enableTransactions: true }) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await createGateway(client, options)(new Request(`http://x${path}/${route}`, init));
  return [response.status, await response.json()];
}

const add = { operation: "add", payload: { ids: ["b"], embeddings: [[2]] } };
const drop = { operation: "delete", payload: { ids: ["a"], where: null, where_document: null, limit: null } };

test("reads, commits, conflicts, and is stale as Chroma is", async () => {
  expect(await ask("conditional/get", { ids: ["a", "b"], read_token: null })).toMatchObject([
    200,
    { ids: ["a"], documents: ["ebb"], read_token: 2 },
  ]);
  const commit = { read_token: 2, read_ids: ["a", "b"], operations: [add, drop] };
  expect(await ask("conditional/commit", commit)).toEqual([200, { first_inserted_record_offset: 2, record_count: 2 }]);
  const conflict = { error: "ConditionalWriteConflictError", message: "conditional write conflict" };
  expect(await ask("conditional/commit", commit)).toEqual([409, conflict]);
  expect(await ask("conditional/get", { ids: ["a"], read_token: 2 })).toMatchObject([412, { error: "StaleReadError" }]);
  expect(await ask("conditional/commit", { ...commit, read_token: 0 })).toMatchObject([412, { error: "StaleReadError" }]);
  expect(await ask("conditional/commit", { operations: [] })).toEqual([200, { first_inserted_record_offset: null, record_count: 0 }]);
});

test.each<[string, object]>([
  ["reads without a token", { read_ids: ["a"], operations: [add] }],
  ["a token beyond the tail", { read_token: 9, read_ids: ["a"], operations: [add] }],
  ["an empty id", { read_token: 2, read_ids: [""], operations: [add] }],
  ["columns of other lengths", { operations: [{ operation: "add", payload: { ids: ["b", "c"], embeddings: [[2]] } }] }],
])("%s are 400", async (_, body) => {
  expect(await ask("conditional/commit", body)).toMatchObject([400, { error: "InvalidArgumentError" }]);
});

test("is there where the gateway's options say so, and hidden in openapi.json", async () => {
  const message = "conditional transactions are disabled by frontend configuration";
  for (const options of [{}, { tenantsWithTransactionsEnabled: ["other"] }]) {
    for (const route of ["get", "commit"])
      expect(await ask(`conditional/${route}`, { operations: [] }, options)).toEqual([501, { error: "TransactionsNotSupported", message }]);
  }
  for (const name of ["*", "default_tenant"])
    expect((await ask("conditional/get", { ids: ["a"] }, { tenantsWithTransactionsEnabled: [name] }))[0]).toBe(200);
  expect(() => createGateway(client, { transactions: true } as never)).toThrow(/transactions/);
  const document = await createGateway(client)(new Request("http://x/openapi.json"));
  expect(await document.text()).not.toContain("conditional");
});
