/** The document that says what is compatible says so of every method and every route, and says what is so. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { AdminClient } from "../admin-client.js";
import { TidepoolClient } from "../client.js";
import { Collection } from "../collection.js";
import { routes } from "./routes.js";

const document = await readFile(new URL("../../../docs/chroma-compatibility.md", import.meta.url), "utf8");
const rows = [...document.matchAll(/^\| `(.+?)` \| (works|differs|not there) \| (.*?) ?\|$/gm)].map(([, name, state, note]) => ({
  name: name!,
  state: state!,
  note: note!,
}));

/** The public methods of `chromadb` 3.5.0, and `conditional`, which came after it. */
const methods = {
  ChromaClient:
    "collection countCollections createCollection deleteCollection getCollection getCollectionByCrn getCollectionById " +
    "getCollections getMaxBatchSize getOrCreateCollection getPreflightChecks " +
    "getUserIdentity heartbeat listCollections reset supportsBase64Encoding version",
  AdminClient: "createDatabase createTenant deleteDatabase getDatabase getTenant listDatabases",
  Collection: "add conditional count delete fork forkCount get getIndexingStatus modify peek query search update upsert",
};

const ours: Record<string, object> = {
  ChromaClient: TidepoolClient.prototype,
  AdminClient: AdminClient.prototype,
  Collection: Collection.prototype,
};

test("every method of the official client is in the table once, and is there where the table says so", () => {
  const all = Object.entries(methods).flatMap(([owner, names]) => names.split(" ").map((name) => `${owner}.${name}`));
  const listed = rows.filter(({ name }) => !name.includes("/"));
  expect(listed.map(({ name }) => name).sort()).toEqual(all.sort());
  for (const { name, state } of listed) {
    const [owner, method] = name.split(".") as [string, string];
    expect([name, method in ours[owner]!]).toEqual([name, state !== "not there"]);
  }
});

test("every method of ours that Chroma's client has not is told among the differences", async () => {
  const differences = await readFile(new URL("../../../docs/chroma-differences.md", import.meta.url), "utf8");
  for (const [owner, names] of Object.entries(methods)) {
    const all = Object.entries(Object.getOwnPropertyDescriptors(ours[owner]!)).filter(
      ([name, { value }]) => typeof value === "function" && name !== "constructor",
    );
    const extra = all.map(([name]) => name).filter((name) => !names.split(" ").includes(name));
    for (const name of extra) expect([name, new RegExp(`\\b${name}\\b`).test(differences)]).toEqual([name, true]);
  }
});

test("every route is in the table once, and answers 501 where the table says that it is not there", () => {
  const listed = rows.filter(({ name }) => name.includes("/"));
  expect(listed.map(({ name }) => name).sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  for (const { method, path, status } of routes) {
    const { state } = listed.find(({ name }) => name === `${method} ${path}`)!;
    expect([path, state === "not there"]).toEqual([path, status === 501]);
  }
});

test("what differs or is missing has a note", () => {
  expect(rows.filter(({ state, note }) => state !== "works" && note === "")).toEqual([]);
});

test.each(["vite/vite", "webpack/webpack"])("the recipe of %s is the one that the packed apps try", async (name) => {
  const recipe = await readFile(new URL(`../../../e2e/pack/official-${name}.config.js`, import.meta.url), "utf8");
  expect(document).toContain(`\`\`\`javascript\n${recipe}\`\`\``);
});
