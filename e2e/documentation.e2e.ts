/**
 * Every example that the documentation shows is a program: the compiler accepts it against the built package, and it runs
 * in a browser against the built package and prints what it says it prints. Each runs in an origin of its own, so none
 * finds what another left. Tables of the documentation are held to the code as well.
 */
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { BrowserContext, Page } from "playwright";
import { transformWithOxc } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { type StaticServer, serveFolder } from "../tools/browser/static-server.js";
import { target } from "../tools/browser/target.js";
import { publicDeclarations } from "./support/declarations.js";
import { type Example, readExamples } from "./support/examples.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = await readExamples(root, [
  "README.md",
  "docs",
  "src/api",
  "src/api/import",
  "src/api/passages",
  "src/api/rest",
  "src/api/schema",
  "src/api/search",
  "src/api/transfer",
  "src/core/errors.ts",
  "src/sentence-encoder",
]);

/** What examples take from the application around them, or from packages that are not installed here. */
const surroundings = `declare module "chromadb" {
  export class ChromaClient {
    constructor(where: { host: string; port: number });
  }
}
declare module "@ai-sdk/openai" {
  export const openai: { embeddingModel(name: string): import("@ai-sdk/provider").EmbeddingModelV4 };
}
declare const embeddings: import("@langchain/core/embeddings").EmbeddingsInterface;
declare const documents: import("@langchain/core/documents").DocumentInterface[];
declare const store: import("tidepool-db/langchain").TidepoolVectorStore;
declare const recordManager: import("@langchain/core/indexing").RecordManagerInterface;`;

/** Stands in for the model library that one example loads: vectors of the right shape, without a download. */
const modelLibrary = {
  "transformers.js": `export const pipeline = async () => async (texts) => ({
  tolist: () => texts.map((text) => Array.from({ length: 384 }, (_, i) => Math.sin(i + text.length))),
});`,
  "transformers.d.ts": `declare module "@huggingface/transformers" {
  type Options = { pooling: "mean"; normalize: boolean };
  export type FeatureExtractionPipeline = (texts: string[], options: Options) => Promise<{ tolist(): number[][] }>;
  export function pipeline(task: "feature-extraction", model: string): Promise<FeatureExtractionPipeline>;
}`,
};

const page = `<!doctype html><link rel="icon" href="data:,"><title>examples</title>
<script type="importmap">{ "imports": {
  "tidepool-db": "./package/index.js", "tidepool-db/copy": "./package/copy.js", "tidepool-db/inline": "./package/inline.js",
  "tidepool-db/embeddings": "./package/embeddings.js",
  "tidepool-db/inspector": "./package/inspector.js",
  "tidepool-db/sentence-encoder": "./package/sentence-encoder.js",
  "tidepool-db/hnswlib": "./package/hnswlib.js", "tidepool-db/rest": "./package/rest.js",
  "tidepool-db/service-worker": "./package/service-worker.js",
  "tidepool-db/sync": "./package/sync.js", "tidepool-db/telemetry": "./package/telemetry.js",
  "@huggingface/transformers": "./transformers.js"
} }</script>
<script>
  // An import expression in this file would be rewritten for Node before it reaches the page.
  globalThis.load = (module) => import(module);
</script>`;

test("there are examples to try", () => {
  const places = examples.map(({ place }) => place.split(":")[0]);
  expect(new Set(places)).toEqual(
    new Set([...places, "README.md", "docs/data.md", "src/api/client.ts", "src/api/collection.ts", "src/core/errors.ts"]),
  );
});

/** The declarations of all entries of the package. */
async function entries(): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { exports: Record<string, { types?: string }> };
  return Object.values(exports).flatMap(({ types }) => types?.replace("./dist/", "") ?? []);
}

test("every public symbol and every member of it has a comment that says what it is", async () => {
  const dist = join(root, "dist");
  const names = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith(".d.ts"));
  const files = await Promise.all(
    names.map(async (name) => [name.replaceAll("\\", "/"), await readFile(join(dist, name), "utf8")] as const),
  );
  const declared = publicDeclarations(new Map(files), await entries());
  expect(declared.length).toBeGreaterThan(500);
  expect(declared.filter(({ documented }) => !documented).map(({ name }) => name)).toEqual([]);
});

test("the compiler accepts every example against the built package", async () => {
  // Inside the repository, so that the package finds itself by its own name, as its users find it.
  await mkdir(join(root, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(root, ".cache/examples-"));
  try {
    await writeFile(join(folder, "transformers.d.ts"), modelLibrary["transformers.d.ts"]);
    await writeFile(join(folder, "surroundings.d.ts"), surroundings);
    for (const [index, { code, language }] of examples.entries()) await writeFile(join(folder, `example-${index}.${language}`), code);
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(compilerSettings));
    const { stdout, status } = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], {
      encoding: "utf8",
    });
    const complaints = stdout.replace(/\S*example-(\d+)\.[tj]sx?/g, (_, index) => examples[Number(index)]!.place);
    expect({ complaints, status }).toEqual({ complaints: "", status: 0 });
  } finally {
    await rm(folder, { recursive: true });
  }
});

const compilerSettings = {
  compilerOptions: {
    target: "es2022",
    lib: ["es2023", "dom", "dom.iterable"],
    types: [],
    module: "esnext",
    moduleResolution: "bundler",
    strict: true,
    jsx: "react-jsx",
    allowJs: true,
    checkJs: true,
    skipLibCheck: true,
    noEmit: true,
  },
};

describe("in a browser", () => {
  let server: StaticServer;
  let folder: string;
  let profile: string;
  let context: BrowserContext;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidepool-examples-"));
    const entry = createRequire(import.meta.url).resolve("tidepool-db");
    await cp(dirname(entry), join(folder, "package"), { recursive: true });
    // What a bundler does: no import map reaches into a worker.
    await cp(dirname(createRequire(import.meta.url).resolve("hnswlib-wasm/dist/hnswlib.js")), join(folder, "hnswlib-wasm"), {
      recursive: true,
    });
    const hnswlibWorker = join(folder, "package/hnswlib-worker.js");
    await writeFile(
      hnswlibWorker,
      (await readFile(hnswlibWorker, "utf8")).replace('import("hnswlib-wasm")', 'import("../hnswlib-wasm/hnswlib.js")'),
    );
    // Where one example looks for a worker that it serves itself.
    await cp(dirname(entry), join(folder, "tidepool"), { recursive: true });
    await writeFile(join(folder, "index.html"), page);
    await writeFile(join(folder, "transformers.js"), modelLibrary["transformers.js"]);
    for (const [index, { code, language, runs }] of examples.entries()) {
      if (runs) await writeFile(join(folder, `example-${index}.js`), (await transformWithOxc(code, `example.${language}`)).code);
    }
    server = await serveFolder(folder);
    profile = await createProfile();
    context = await openBrowser(profile);
  });

  afterAll(async () => {
    await context?.close();
    await server?.close();
    if (profile) await removeProfile(profile);
    if (folder) await rm(folder, { recursive: true });
  });

  /** Browsers find every name under localhost on this machine, and each is an origin of its own; all these are one site. */
  const addressOf = (name: string): string => server.url.replace("//localhost", `//${name}.examples.localhost`);

  /** Tabs in which no example runs now. One goes from origin to origin, which costs half of what a new one does. */
  const tabs: Page[] = [];

  async function run(index: number): Promise<string[]> {
    const tab = tabs.pop() ?? (await context.newPage());
    try {
      await tab.goto(addressOf(`example-${index}`));
      return await tab.evaluate(async (index) => {
        const printed: string[] = [];
        console.log = (...values: unknown[]) =>
          void printed.push(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" "));
        const late = new Promise((_, reject) => setTimeout(() => reject(new Error("the example did not end within 60 s")), 60_000));
        const { load } = globalThis as unknown as { load(module: string): Promise<unknown> };
        await Promise.race([load(`./example-${index}.js`), late]);
        return printed;
      }, index);
    } finally {
      tabs.push(tab);
    }
  }

  // Of those in comments, which call what those of the pages call, one browser is enough.
  const isTried = ({ place }: Example): boolean => target === "chromium" || !place.startsWith("src/");
  const running = [...examples.entries()].filter(([, example]) => example.runs && isTried(example));
  test.concurrent.each<[string, number, Example]>(running.map(([index, example]) => [example.place, index, example]))(
    "%s runs",
    async (_, index, { prints }) => {
      const printed = (await run(index)).map(withoutBlanks);
      let at = 0;
      for (const line of prints) {
        const found = printed.indexOf(withoutBlanks(line), at);
        expect(found, `it should print ${line}; it printed ${printed.join(" · ")}`).toBeGreaterThanOrEqual(at);
        at = found + 1;
      }
    },
  );
});

function withoutBlanks(text: string): string {
  return text.replace(/\s/g, "");
}

describe("the documentation's tables say what the code says", async () => {
  const [errorPage, limitPage, sizePage] = await Promise.all(
    ["errors", "limits", "downloads"].map((page) => readFile(join(root, `docs/${page}.md`), "utf8")),
  );

  test("every code of an error", async () => {
    const errors = await readFile(join(root, "src/core/errors.ts"), "utf8");
    const codes = [...errors.matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !errorPage!.includes(`| \`${code}\` |`))).toEqual([]);
  });

  test("limits", async () => {
    const source = await readFile(join(root, "src/core/limit-values.ts"), "utf8");
    const rows = [...limitPage!.matchAll(/^\|[^|\n]*\| ([\d,]+(?: to [\d,]+)?(?: MiB)?)(?: each)? \| (`\w+`(?:, `\w+`)?) \|$/gm)];
    expect(rows.length).toBeGreaterThan(8);
    for (const [, value, names] of rows) {
      const expected = names!.split(", ").map((name) => limitIn(source, name.slice(1, -1)));
      expect([...new Set(expected)].join(" to "), names).toBe(value);
    }
  });

  test("sizes of all files that ship, about", async () => {
    const rows = [...sizePage!.matchAll(/^\| (`\S+`(?: \+ `\S+`)*), [^|\n]* \| ([\d.]+) kB \|/gm)];
    const parts = rows.map(([, names, kilobytes]) => ({
      files: [...names!.matchAll(/`(\S+)`/g)].map((match) => match[1]!),
      kilobytes: Number(kilobytes),
    }));
    const shipped = (await readdir(join(root, "dist"))).filter((name) => /\.(?:bin|js|wasm)$/.test(name));
    expect(parts.flatMap(({ files }) => files).sort()).toEqual(shipped.sort());
    for (const { files, kilobytes } of parts) {
      const contents = await Promise.all(files.map((file) => readFile(join(root, "dist", file))));
      const length = contents.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
      expect(
        Math.abs(length / 1000 - kilobytes),
        `${files.join(" + ")} has ${length} bytes: run node scripts/write-figures.mjs`,
      ).toBeLessThan(Math.max(1.5, length / 10_000));
    }
  });
});

/** A limit as people write it: `4,096`, `32 MiB`. */
function limitIn(source: string, name: string): string {
  const [, value, unit] = new RegExp(`^export const ${name} = ([\\d_]+)(?: \\* (\\w+))?;`, "m").exec(source) ?? [];
  if (!value) throw new Error(`limit-values.ts has no ${name}`);
  return Number(value.replaceAll("_", "")).toLocaleString("en") + (unit ? ` ${unit}` : "");
}
