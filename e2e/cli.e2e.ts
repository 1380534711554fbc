/** The command `tidepool-db`, as it is built: what it says, with which exit code, and that it leaves nothing half done. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NodeClient } from "tidepool-db/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { target } from "../tools/browser/target.js";
import { begin, command, serving } from "./support/command.js";
import { clientFolder } from "./support/official-client.js";

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}

// No browser takes part, so one run of the suite is enough.
describe.runIf(target === "chromium")("the command", () => {
  let home: string;
  let directory: string;
  let backup: string;
  /** Where the command puts what it needs for a while. */
  let temporary: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "tidepool-cli-"));
    temporary = await mkdtemp(join(home, "temporary-"));
    [directory, backup] = [join(home, "notes"), join(home, "notes.backup")];
    const client = new NodeClient({ directory });
    const notes = await client.createCollection({ name: "notes", metadata: { about: "tides" } });
    await notes.add({
      ids: ["a", "b", "c"],
      documents: ["The ebb uncovers the pools.", "Spring tides follow the new moon.", "Crabs hide under the weed."],
      metadatas: [{ year: 1 }, { year: 2 }, { year: 3 }],
    });
    await client.close();
  });
  afterAll(() => rm(home, { recursive: true }));

  async function run(...args: string[]): Promise<Outcome> {
    const child = begin(args, temporary);
    const [out, err, [code]] = await Promise.all([textOf(child.stdout!), textOf(child.stderr!), once(child, "exit")]);
    return { code: code as number, out, err };
  }

  test("copies, inspects and verifies directories and backup files, and leaves nothing of its own", async () => {
    expect(await run("copy", directory, backup)).toMatchObject({ code: 0, err: "" });
    for (const source of [directory, backup]) {
      const { code, out } = await run("inspect", source, "--json");
      const facts = JSON.parse(out);
      expect({ code, ...facts }).toMatchObject({ code: 0, records: 3, source: source === backup ? "backup" : "directory" });
      expect(facts.collections).toMatchObject([
        { tenant: "default_tenant", database: "default_database", name: "notes", count: 3, dimension: 384, metadata: { about: "tides" } },
      ]);
      expect(await run("verify", source, "--deep")).toMatchObject({ code: 0, out: expect.stringMatching(/is sound: 1 collections/) });
    }
    expect(await run("inspect", directory)).toMatchObject({ code: 0, out: expect.stringContaining("notes: 3 records, 384 dimensions") });
    expect(await run("copy", directory, join(home, "copied/"))).toMatchObject({ code: 0 });
    expect(JSON.parse((await run("inspect", join(home, "copied"), "--json")).out).records).toBe(3);
    expect(await readdir(temporary)).toEqual([]);
  });

  test("publishes directories and backup files, again only what is new, and not servers", async () => {
    const site = join(home, "site");
    const { code, out } = await run("publish", directory, site, "--json");
    const report = JSON.parse(out);
    expect({ code, ...report }).toMatchObject({ code: 0, collections: 1, records: 3 });
    expect((await readdir(site)).sort()).toEqual(report.files);
    const again = await run("publish", backup, site);
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining("3 records in 1 collections, 2 files") });
    expect((await readdir(site)).sort()).toEqual(report.files);
    expect(await run("publish", "http://localhost:1", site)).toMatchObject({ code: 2 });
    expect(await run("publish", directory, site, "--file-bytes", "much")).toMatchObject({ code: 2 });
    expect(await run("publish", directory, site, "--file-bytes", "5")).toMatchObject({
      code: 2,
      err: expect.stringContaining("fileBytesMax"),
    });
  });

  test("tells damage by its exit code, and a file that is no backup", async () => {
    const cut = join(home, "cut.backup");
    const bytes = await readFile(backup);
    for (const damaged of [bytes.subarray(0, -7), Buffer.from(bytes).fill(7, 500, 510), Buffer.from("no backup")]) {
      await writeFile(cut, damaged);
      expect(await run("verify", cut)).toMatchObject({ code: 1, out: "", err: expect.stringContaining("CORRUPTION") });
      expect(JSON.parse((await run("verify", cut, "--json")).out)).toMatchObject({ error: { code: "CORRUPTION" } });
    }
    const broken = join(home, "broken");
    await run("copy", backup, broken);
    const arena = (await readdir(broken)).find((name) => name.startsWith("arena-1"))!;
    await truncate(join(broken, arena), 0);
    expect(await run("verify", broken)).toMatchObject({ code: 1, out: expect.stringContaining("is damaged") });
    expect(await readdir(temporary)).toEqual([]);
  });

  test("exports and imports records, to files and as streams", async () => {
    const [file, into] = [join(home, "notes.parquet"), join(home, "imported")];
    expect(await run("export", directory, file, "-c", "notes")).toMatchObject({ code: 0, out: expect.stringContaining("3 records") });
    expect(await run("import", into, file, "-c", "notes", "--create")).toMatchObject({ code: 0 });
    const [was, is] = await Promise.all([run("export", directory, "-c", "notes"), run("export", into, "-c", "notes")]);
    expect(is).toEqual(was);
    expect(is.out.split("\n")).toHaveLength(4);
    const some = await run("export", directory, "-c", "notes", "--where", '{"year":{"$gt":2}}', "--include", "documents");
    expect(some).toMatchObject({ code: 0, out: '{"id":"c","text_chunk":"Crabs hide under the weed."}\n' });
    await writeFile(join(home, "odd.jsonl"), '{"id":"x","text":"whole"}\n{"id":"y"}\n');
    const odd = await run("import", into, join(home, "odd.jsonl"), "-c", "notes");
    expect(odd).toMatchObject({ code: 1, out: expect.stringMatching(/row 2: .*\n1 records imported, 1 rows rejected/) });
  });

  test("tells wrong usage from what went wrong, before anything is done", async () => {
    const wrong: [args: string[], says: RegExp][] = [
      [["frobnicate"], /no command "frobnicate"/],
      [["verify"], /source is missing/],
      [["verify", directory, "--shallow"], /--shallow/],
      [["verify", join(home, "nowhere")], /nothing at/],
      [["export", directory, "-c", "notes", "-f", "xlsx"], /--format must be one of/],
      [["copy", directory, directory], /a database in .* already/],
      [["verify", "http://127.0.0.1:9"], /is a server/],
      [["serve", "http://127.0.0.1:9"], /is a server already/],
      [["copy", directory, "http://127.0.0.1:9", "--versions"], /keeps no versions/],
      [["inspect", "http://127.0.0.1:9", "--header", "token"], /--header must be/],
      [["copy", directory, "http://127.0.0.1:9", "--to-header", "token"], /--to-header must be/],
      [["inspect", "http://"], /remote.url must be/],
    ];
    for (const [args, says] of wrong)
      expect(await run(...args), args.join(" ")).toMatchObject({ code: 2, err: expect.stringMatching(says) });
    expect(await run("verify", home)).toMatchObject({ code: 1, err: expect.stringContaining("NOT_FOUND") });
    expect(await run("export", directory, "-c", "missing")).toMatchObject({ code: 1, err: expect.stringContaining("NOT_FOUND") });
    expect(existsSync(join(home, "nowhere"))).toBe(false);
  });

  test("has help for itself and each command", async () => {
    expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("serve <source>") });
    expect(await run("serve", "--help")).toMatchObject({ code: 0, out: expect.stringMatching(/--port <value>[\s\S]*--json/) });
    expect(await run("--version")).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test("shows the key for Chroma Cloud to no other server", async () => {
    const keys: unknown[] = [];
    const other = createServer((request, response) => {
      keys.push(request.headers["x-chroma-token"]);
      response.end("[]");
    });
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const child = spawn(process.execPath, [command, "inspect", url], { env: { ...process.env, CHROMA_API_KEY: "secret" } });
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(keys).toEqual([undefined]);
    other.closeAllConnections();
    other.close();
  });

  test("copies to a server and from it, and reads and writes records there", async () => {
    const there = join(home, "there");
    const empty = new NodeClient({ directory: there });
    await empty.heartbeat();
    await empty.close();
    const server = await serving([there, "--write"], temporary);
    expect(await run("copy", directory, server.url)).toMatchObject({ code: 0, err: "" });
    expect(await run("inspect", server.url)).toMatchObject({ code: 0, out: expect.stringContaining("notes: 3 records, 384 dimensions") });
    const [was, is] = await Promise.all([run("export", directory, "-c", "notes"), run("export", server.url, "-c", "notes")]);
    expect(is).toEqual(was);
    await writeFile(join(home, "more.jsonl"), '{"id":"d","text":"Eels wait under the stones."}\n');
    expect(await run("import", server.url, join(home, "more.jsonl"), "-c", "notes")).toMatchObject({ code: 0 });
    expect(await run("import", server.url, join(home, "more.jsonl"), "-c", "notes", "--database", "none")).toMatchObject({
      code: 1,
      err: expect.stringContaining("NOT_FOUND"),
    });
    const [file, folder] = [join(home, "fetched.backup"), join(home, "fetched")];
    for (const to of [file, folder]) {
      expect(await run("copy", server.url, to)).toMatchObject({ code: 0, err: "" });
      expect(JSON.parse((await run("inspect", to, "--json")).out)).toMatchObject({ records: 4 });
    }
    expect(await server.end()).toBe(0);
    expect(await run("inspect", server.url)).toMatchObject({ code: 1, err: expect.stringContaining("CONNECTION_LOST") });
    expect(await readdir(temporary)).toEqual([]);
  });

  test("serves a backup file to Chroma's own client, read-only, until Ctrl-C", async () => {
    const server = await serving([backup], temporary);
    const { ChromaClient } = await import(/* @vite-ignore */ pathToFileURL(join(await clientFolder(), "chromadb.mjs")).href);
    const chroma = new ChromaClient({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
    const notes = await chroma.getCollection({ name: "notes", embeddingFunction: { generate: async () => [[1]] } });
    expect(await notes.count()).toBe(3);
    expect((await notes.get({ where: { year: 2 } })).documents).toEqual(["Spring tides follow the new moon."]);
    const { embeddings } = await notes.get({ ids: ["c"], include: ["embeddings"] });
    expect((await notes.query({ queryEmbeddings: embeddings, nResults: 1 })).ids).toEqual([["c"]]);
    await expect(notes.delete({ ids: ["a"] })).rejects.toThrow();
    await expect(chroma.createCollection({ name: "more", embeddingFunction: null })).rejects.toThrow();
    const refused = await fetch(`${server.url}/api/v2/reset`, { method: "POST" });
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("--write")]);
    expect((await fetch(`${server.url}/api/v2/version`)).headers.get("access-control-allow-origin")).toBeNull();
    expect(await server.end()).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
  });

  test("serves a directory for writing, which keeps what was written", async () => {
    const served = join(home, "served");
    await run("copy", backup, served);
    const server = await serving([served, "--write", "--cors"], temporary);
    const { ChromaClient } = await import(/* @vite-ignore */ pathToFileURL(join(await clientFolder(), "chromadb.mjs")).href);
    const chroma = new ChromaClient({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
    const more = await chroma.createCollection({ name: "more", embeddingFunction: null });
    await more.add({ ids: ["x"], embeddings: [[1, 2]] });
    expect((await fetch(`${server.url}/api/v2/version`)).headers.get("access-control-allow-origin")).toBe("*");
    // A directory is never reset over HTTP.
    expect((await fetch(`${server.url}/api/v2/reset`, { method: "POST" })).status).toBe(403);
    expect(await server.end()).toBe(0);
    expect(JSON.parse((await run("inspect", served, "--json")).out).records).toBe(4);
  });

  test("that is interrupted leaves neither a file nor a directory", async () => {
    const many = join(home, "many");
    const client = new NodeClient({ directory: many });
    const collection = await client.createCollection({ name: "many", embeddingFunction: null });
    const ids = Array.from({ length: 20_000 }, (_, i) => `${i}`);
    await collection.add({ ids, embeddings: new Float32Array(20_000 * 64).map((_, i) => Math.sin(i)) });
    await client.close();
    const child = begin(["export", many, join(home, "many.jsonl"), "-c", "many"], temporary);
    // Its first bytes are there, and by far not all.
    while (!(await readdir(home)).some((name) => name.startsWith("many.jsonl.part"))) await new Promise((resolve) => setImmediate(resolve));
    const exited = once(child, "exit");
    child.kill("SIGINT");
    expect(await exited).toEqual([130, null]);
    expect((await readdir(home)).filter((name) => name.startsWith("many."))).toEqual([]);
  });
});
