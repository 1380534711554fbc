/** The table of methods in `docs/chroma-compatibility.md` is that of Chroma's client as it is, not as somebody remembered it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { clientFolder } from "./support/official-client.js";

test("every public method of the client is in the table, and no other", async () => {
  const folder = await clientFolder();
  const chroma = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "chromadb.mjs")).href)) as Record<
    string,
    { prototype: object }
  >;
  const methods = ["ChromaClient", "AdminClient"].flatMap((owner) => methodsOf(chroma[owner]!.prototype).map((name) => `${owner}.${name}`));
  // Of collections only an interface is exported.
  const declarations = await readFile(join(folder, "chromadb.d.ts"), "utf8");
  const collection = /^interface Collection \{\n([\s\S]*?)^\}/m.exec(declarations)![1]!;
  for (const [, name] of collection.matchAll(/^ {4}(\w+)(?:<.*>)?\(/gm)) methods.push(`Collection.${name}`);

  // Came after the released client; the table says so.
  methods.push("Collection.conditional");

  const document = await readFile(new URL("../docs/chroma-compatibility.md", import.meta.url), "utf8");
  const listed = [...document.matchAll(/^\| `(\w+\.\w+)` \|/gm)].map(([, name]) => name);
  expect(listed.sort()).toEqual(methods.sort());
});

function methodsOf(prototype: object): string[] {
  const all = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  return all
    .filter(([name, { value }]) => typeof value === "function" && name !== "constructor" && !name.startsWith("_"))
    .map(([name]) => name);
}
