/** The contract in Node: on the engine, and over our own gateway. `e2e/contract/run.ts` runs it on a real server. */
import { TidepoolClient } from "tidepool-db";
import { afterAll, describe, test } from "vitest";
import { createGateway } from "../../src/rest.js";
import { openTestClient } from "../../src/testing/client.js";
import { cases } from "./cases.js";
import type { Ability, Home } from "./home.js";

const inPage = openTestClient();
const behind = openTestClient();
const gateway = createGateway(behind, { enableTransactions: true });
const remote = new TidepoolClient({
  remote: { url: "http://chroma.test/prefix/..", fetch: (url, init) => gateway(new Request(url, init)) },
});
afterAll(() => Promise.all([inPage.close(), remote.close(), behind.close()]));

const everywhere: Ability[] = ["fork", "search", "sparse", "transactions", "indexing status"];
const homes: Home[] = [
  { name: "the engine in the page", client: inPage, abilities: new Set<Ability>([...everywhere, "own calls"]) },
  { name: "the engine behind its gateway", client: remote, abilities: new Set(everywhere) },
];

describe.each(homes)("$name", (home) => {
  test.each(cases)("$name", ({ run }) => run(home));
});
