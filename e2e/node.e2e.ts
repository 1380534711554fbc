/** The engine in Node, as it is built: directories that outlive processes, one process at a time, no acknowledged write lost. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { TidepoolError } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import { transformWithOxc } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { target } from "../tools/browser/target.js";

const root = fileURLToPath(new URL("..", import.meta.url));
let home: string;
/** Inside the repository, so that the package finds itself by its own name, as its users find it. */
let programs: string;
beforeAll(async () => {
  await mkdir(join(root, ".cache"), { recursive: true });
  home = await mkdtemp(join(tmpdir(), "tidepool-node-"));
  programs = await mkdtemp(join(root, ".cache/node-"));
});
afterAll(async () => {
  await rm(home, { recursive: true });
  await rm(programs, { recursive: true });
});

async function program(name: string, code: string): Promise<string> {
  const path = join(programs, `${name}.mjs`);
  await writeFile(path, code);
  return path;
}

/** Says each line that the program prints, one after the other. */
function begin(path: string, ...args: string[]): { child: ChildProcess; lines: AsyncIterator<string> } {
  const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  return { child, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
}

/** Writes batches of 100 records, compacts beside it, and says the number of each batch once it is acknowledged. */
const writer = `import { NodeClient } from "tidepool-db/node";
const client = new NodeClient({ directory: process.argv[2], durability: process.argv[3] });
const collection = await client.getOrCreateCollection({ name: "numbers", embeddingFunction: null });
for (let batch = 0; ; batch++) {
  const ids = Array.from({ length: 100 }, (_, i) => batch + "-" + i);
  const embeddings = ids.map((_, i) => Array.from({ length: 16 }, (_, d) => Math.sin(batch * 7 + i + d)));
  await collection.add({ ids, embeddings, documents: ids.map((id) => "number " + id), metadatas: ids.map(() => ({ batch })) });
  console.log(batch);
  if (batch % 4 === 1) void client.vacuum();
}`;

// No browser takes part, so one run of the suite is enough.
describe.runIf(target === "chromium")("in Node", () => {
  describe("a process that is killed in the midst of writing", () => {
    test.each([
      ["strict", 2],
      ["strict", 13],
      ["relaxed", 10],
    ])("has lost no write that was acknowledged: %s, after %i batches", async (durability, batches) => {
      const directory = join(home, `killed-${durability}-${batches}`);
      const { child, lines } = begin(await program("writer", writer), directory, durability);
      let acknowledged = -1;
      while (acknowledged < batches) acknowledged = Number((await lines.next()).value);
      child.kill("SIGKILL");
      await once(child, "exit");
      for (let line = await lines.next(); !line.done; line = await lines.next()) acknowledged = Number(line.value);
      const client = new NodeClient({ directory });
      const collection = await client.getCollection({ name: "numbers", embeddingFunction: null });
      const found = await collection.facets({ keys: ["batch"], limit: 1000 });
      const counts = new Map(found["batch"]!.values.map(({ value, count }) => [value, count]));
      expect(Array.from({ length: acknowledged + 1 }, (_, batch) => counts.get(batch))).toEqual(Array(acknowledged + 1).fill(100));
      // Of the one that was under way all or nothing.
      expect([undefined, 100]).toContain(counts.get(acknowledged + 1));
      expect(await client.verify({ deep: true })).toMatchObject({ isSound: true });
      await client.close();
      expect((await readdir(directory)).filter((name) => name.startsWith("lock-"))).toEqual([]);
    });
  });

  describe("a directory", () => {
    test("is one process's at a time, and told apart by whichever path leads to it", async () => {
      const directory = join(home, "locked");
      const first = new NodeClient({ directory });
      await first.createCollection({ name: "notes" });
      const asking = await program(
        "asking",
        `import { NodeClient } from "tidepool-db/node";
const client = new NodeClient({ directory: process.argv[2] });
await client.countCollections().then(console.log, ({ code, details }) => console.log(code, details.pid));`,
      );
      const answer = async (): Promise<string> => (await begin(asking, directory).lines.next()).value;
      expect(await answer()).toBe(`LOCKED ${process.pid}`);
      const second = new NodeClient({ directory: join(directory, "../locked/.") });
      expect(await second.countCollections()).toBe(1);
      await first.close();
      expect(await second.countCollections()).toBe(1);
      await second.close({ force: true });
      expect(await answer()).toBe("1");
    });

    test("is open again after a client was closed by force, and what was acknowledged is there", async () => {
      const directory = join(home, "forced");
      for (let round = 0; round < 3; round++) {
        const client = new NodeClient({ directory });
        const collection = await client.getOrCreateCollection({ name: "notes" });
        expect(await collection.count()).toBe(round);
        await collection.add({ ids: [String(round)], documents: ["note"] });
        await client.close({ force: true });
      }
    });

    test("that cannot be made or read is an error that says so", async () => {
      await writeFile(join(home, "file"), "");
      await expect(new NodeClient({ directory: join(home, "file") }).countCollections()).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      await mkdir(join(home, "odd"));
      await writeFile(join(home, "odd/journal-1"), "something else, which is long enough");
      await expect(new NodeClient({ directory: join(home, "odd") }).countCollections()).rejects.toMatchObject({ code: "CORRUPTION" });
      expect(await readFile(join(home, "odd/journal-1"), "utf8")).toContain("something else");
    });
  });

  test("memory is each client's own, and gone with it", async () => {
    const [a, b] = [new NodeClient({ storage: "memory" }), new NodeClient({ storage: "memory" })];
    await a.createCollection({ name: "notes" });
    expect([await a.countCollections(), await b.countCollections(), (await a.info()).storage]).toEqual([1, 0, "memory"]);
    await Promise.all([a.close(), b.close()]);
  });

  test.each([
    [{}],
    [{ directory: "x", storage: "memory" }],
    [{ directory: "" }],
    [{ directory: 3 }],
    [{ storage: "opfs" }],
    [{ directory: "x", path: "y" }],
  ])("%j is refused", (options) => {
    expect(() => new NodeClient(options as never)).toThrow(TidepoolError);
  });

  test("the examples of the documentation run in Node", async () => {
    for (const page of ["node.md"]) {
      const text = await readFile(join(root, "docs", page), "utf8");
      const examples = [...text.matchAll(/^```ts no-run\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
      expect(examples.length).toBeGreaterThan(0);
      for (const [i, example] of examples.entries()) {
        const path = await program(`${page}-${i}`, (await transformWithOxc(example, "example.ts")).code);
        const { stdout, stderr, status } = spawnSync(process.execPath, [path], { encoding: "utf8", cwd: home });
        const prints = [...example.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map((match) => match[1]!);
        expect({ stderr, status, printed: stdout.trim().split("\n") }).toEqual({ stderr: "", status: 0, printed: prints });
      }
    }
  });
});
