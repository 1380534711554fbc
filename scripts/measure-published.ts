/**
 * What reading a published database costs: requests, bytes and time to the first answers, over HTTP with ranges, of one collection with
 * scan or graph as by default and of one with inverted lists. Needs what `npm run build` makes.
 *
 *     node scripts/run.mjs scripts/measure-published.ts [records, 100000] [dimensions, 384] [milliseconds before each answer, 30]
 */
import fs from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeClient } from "tidepool-db/node";

const [records = 100_000, dimension = 384, latencyMs = 30] = process.argv.slice(2).map(Number);
const CLUSTERS = 500;
const BATCH = 5000;
const WORDS = "tide ebb moon pool crab wave shore salt kelp drift".split(" ");

let seed = 1;
/** From 0 to 1. */
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

const centres = Array.from({ length: CLUSTERS }, () => Float32Array.from({ length: dimension }, () => random() - 0.5));
const vector = (): Float32Array => centres[Math.floor(random() * CLUSTERS)]!.map((value) => value + 0.4 * (random() - 0.5));
const words = (count: number): string => Array.from({ length: count }, () => WORDS[Math.floor(random() * WORDS.length)]).join(" ");

interface Cost {
  requests: number;
  bytes: number;
  ms: number;
}

class Host {
  requests = 0;
  bytes = 0;
  several = true;
  readonly #folder: string;
  readonly #server = createServer((request, response) => {
    this.requests++;
    setTimeout(() => this.#answer(request.url!, request.headers.range, response), latencyMs);
  });

  constructor(folder: string) {
    this.#folder = folder;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(url: string, range: string | undefined, response: ServerResponse): void {
    const path = join(this.#folder, url);
    const ranges = [...(range ?? "").matchAll(/(\d+)-(\d+)/g)].map(([, from, to]) => [Number(from), Number(to)] as const);
    if (ranges.length === 0 || (ranges.length > 1 && !this.several)) {
      const { size } = fs.statSync(path);
      response.writeHead(200, { "content-length": size });
      const stream = fs.createReadStream(path);
      response.on("close", () => stream.destroy());
      stream.on("data", (part) => void (this.bytes += part.length)).pipe(response);
      return;
    }
    const type = ranges.length > 1 ? { "content-type": "multipart/byteranges; boundary=x" } : {};
    response.writeHead(206, type);
    const handle = fs.openSync(path, "r");
    for (const [from, to] of ranges) {
      const bytes = Buffer.alloc(to - from + 1);
      fs.readSync(handle, bytes, 0, bytes.length, from);
      if (ranges.length > 1) response.write(`\r\n--x\r\nContent-Range: bytes ${from}-${to}/*\r\n\r\n`);
      response.write(bytes);
      this.bytes += bytes.length;
    }
    fs.closeSync(handle);
    response.end(ranges.length > 1 ? "\r\n--x--\r\n" : undefined);
  }
}

async function costOf<T>(host: Host, work: () => Promise<T>): Promise<Cost> {
  const [requests, bytes, begun] = [host.requests, host.bytes, performance.now()];
  await work();
  return { requests: host.requests - requests, bytes: host.bytes - bytes, ms: performance.now() - begun };
}

const home = await mkdtemp(join(tmpdir(), "tidepool-published-"));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
function line(what: string, { requests, bytes, ms }: Cost): void {
  const [megabytes, time] = [(bytes / 1e6).toFixed(1).padStart(7), ms.toFixed(0).padStart(7)];
  say(`  ${what.padEnd(46)} ${String(requests).padStart(4)} requests ${megabytes} MB ${time} ms`);
}

async function measure(name: string, configuration: object): Promise<void> {
  const [directory, site] = [join(home, name), join(home, `${name}-site`)];
  const client = new NodeClient({ directory, durability: "relaxed" });
  const collection = await client.createCollection({ name: "notes", embeddingFunction: null, configuration });
  for (let from = 0; from < records; from += BATCH) {
    const ids = Array.from({ length: Math.min(BATCH, records - from) }, (_, i) => `note-${from + i}`);
    await collection.add({
      ids,
      embeddings: ids.map(vector),
      documents: ids.map(() => words(40)),
      metadatas: ids.map((_, i) => ({ year: i % 50 })),
    });
  }
  await client.vacuum();
  while ((await collection.getIndexingStatus()).op_indexing_progress < 1) await new Promise((resolve) => setTimeout(resolve, 500));
  const begun = performance.now();
  const { bytes } = await client.publish(site);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  say(`${name}: ${records} records of ${dimension} dimensions, ${(bytes / 1e6).toFixed(0)} MB published in ${seconds} s`);
  await client.close();
  const host = new Host(site);
  const url = await host.listen();
  for (const several of [true, false]) {
    host.several = several;
    const reader = new NodeClient({ source: url });
    say(several ? " a host that answers several ranges in one request" : " a host that answers one range a request");
    line("opening", await costOf(host, () => reader.heartbeat()));
    const notes = await reader.getCollection({ name: "notes", embeddingFunction: null });
    const query = (): Promise<unknown> => notes.query({ queryEmbeddings: [vector()], nResults: 10, include: ["documents", "distances"] });
    line("first query, 10 results with documents", await costOf(host, query));
    for (const which of ["second", "third"]) line(`${which} query`, await costOf(host, query));
    line("first search by text", await costOf(host, () => notes.searchText({ query: words(2), nResults: 10 })));
    line("first filter by metadata, 10 records", await costOf(host, () => notes.get({ where: { year: 7 }, limit: 10 })));
    await reader.close();
  }
  host.close();
}

try {
  await measure("default index", {});
  await measure("inverted lists", { spann: {} });
} finally {
  await rm(home, { recursive: true, force: true });
}
