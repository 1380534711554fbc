/**
 * The engine with helpers on other cores, as it ships: pages that are cross-origin isolated and one that is not, helpers that cannot be
 * had or die, and what happens to them when the database is closed or a collection deleted in the midst of their work.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import type * as Package from "tidepool-db";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { type StaticServer, serveFolder } from "../tools/browser/static-server.js";

const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
/** Under which the engine's own workers run. */
const STRICT = { ...ISOLATED, "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'; require-trusted-types-for 'script'" };

/** Begins an item of the first job, and is no more. */
const DYING = `
  if (name.startsWith("tidepool-helper:")) addEventListener("message", (event) => {
    event.stopImmediatePropagation();
    const [port] = event.ports;
    port.onmessage = ({ data }) => {
      if (data.type === "start") {
        void navigator.locks.request(name, () => (port.postMessage({ type: "ready" }), new Promise(() => {})));
        return;
      }
      Atomics.store(data.control, 1 + data.helper, 1);
      Atomics.add(data.control, 0, 1);
      close();
    };
  });`;

const MAIN = `
  globalThis.helperWorkers = { started: 0, ended: 0 };
  globalThis.Worker = class extends Worker {
    constructor(url, options) {
      super(url, options);
      this.isHelper = options?.name?.startsWith("tidepool-helper:") ?? false;
      if (this.isHelper) helperWorkers.started++;
    }
    terminate() {
      if (this.isHelper) helperWorkers.ended++;
      super.terminate();
    }
  };
  const { TidepoolClient } = await import(new URL(location.href).searchParams.get("package"));
  Object.assign(globalThis, { TidepoolClient, vectors: (count, dimension, seed) => {
    let state = seed;
    const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
    return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, next));
  }, lowRank: (count, dimension, seed) => {
    const axes = vectors(6, dimension, 7);
    return vectors(count, axes.length, seed).map((latent) => {
      const row = new Float32Array(dimension);
      for (let i = 0; i < dimension; i++) for (let a = 0; a < axes.length; a++) row[i] += latent[a] * axes[a][i];
      return row;
    });
  } });
  document.title = "ready";`;

declare const TidepoolClient: typeof Package.TidepoolClient;
declare function vectors(count: number, dimension: number, seed: number): Float32Array[];
declare const lowRank: typeof vectors;
/** Those that the page has started: workers of its worker it would not see. */
declare const helperWorkers: { started: number; ended: number };

/** Cores of the machine that a database uses by itself. */
const cores = Math.min(4, availableParallelism());

let folder: string;
let profile: string;
let context: BrowserContext;
const servers: StaticServer[] = [];
let paths = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidepool-cores-"));
  const dist = dirname(createRequire(import.meta.url).resolve("tidepool-db"));
  for (const name of ["package", "without-helper", "dying-helper"]) await cp(dist, join(folder, name), { recursive: true });
  await rm(join(folder, "without-helper", "cores.js"));
  const dying = join(folder, "dying-helper", "cores.js");
  await writeFile(dying, DYING + (await readFile(dying, "utf8")));
  await writeFile(join(folder, "main.js"), MAIN);
  await writeFile(
    join(folder, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>',
  );
  profile = await createProfile();
  context = await openBrowser(profile);
});
afterAll(async () => {
  await context?.close();
  for (const server of servers) await server.close();
  await removeProfile(profile);
  await rm(folder, { recursive: true });
});

async function openPage(headers: Record<string, string>, from = "package/index.js"): Promise<Page> {
  const server = await serveFolder(folder, { headers });
  servers.push(server);
  const page = await context.newPage();
  await page.goto(`${server.url}?package=./${from}`);
  await page.waitForFunction(() => document.title === "ready");
  return page;
}

/** What many queries of one call find, and each of them alone; and what the engine says of its cores before and after. */
async function askTogether(page: Page, options: { cores?: number } = {}) {
  return page.evaluate(
    async ([path, options]) => {
      const client = new TidepoolClient({ path, storage: "memory", onWarning: () => undefined, ...options });
      const collection = await client.createCollection({ name: "many", embeddingFunction: null });
      const embeddings = vectors(3000, 384, 1);
      await collection.add({ ids: embeddings.map((_, i) => `r${i}`), embeddings });
      const queryEmbeddings = vectors(150, 384, 2);
      const before = (await client.info()).cores;
      const together = await collection.query({ queryEmbeddings, nResults: 7, include: ["distances"] });
      const after = (await client.info()).cores;
      let areSame = true;
      for (const [i, query] of queryEmbeddings.entries()) {
        const alone = await collection.query({ queryEmbeddings: [query], nResults: 7, include: ["distances"] });
        const same = JSON.stringify([alone.ids[0], alone.distances![0]]) === JSON.stringify([together.ids[i], together.distances![i]]);
        areSame &&= same;
      }
      const { warnings } = await client.info();
      await client.close();
      return { isolated: crossOriginIsolated, before, after, areSame, found: together.ids.flat().length, warnings };
    },
    [`cores-${paths++}`, options] as const,
  );
}

const ALL_FOUND = { areSame: true, found: 150 * 7 };

test("an isolated page has helpers once there is work for them, under a strict policy too, and finds the same", async () => {
  const page = await openPage(STRICT);
  const asked = await askTogether(page);
  expect(asked).toMatchObject({ isolated: true, ...ALL_FOUND, warnings: [], before: { allowed: cores, helpers: 0 } });
  if (cores > 1) {
    // A helper that came too late for the one call has come by now.
    const again = await askTogether(page);
    expect(again.after).toMatchObject({ allowed: cores, alone: null });
    expect(Math.max(asked.after.helpers, again.after.helpers)).toBeLessThan(cores);
    expect(await page.evaluate(() => helperWorkers)).toEqual({ started: 2 * (cores - 1), ended: 2 * (cores - 1) });
  }
  expect((await askTogether(page, { cores: 1 })).after).toEqual({
    allowed: 1,
    helpers: 0,
    alone: "one core is allowed, or the client is in a worker",
  });
  await page.close();
});

test("a page that is not isolated works alone, and so does the inline variant, and say so", async () => {
  const page = await openPage({});
  const alone = { allowed: 1, helpers: 0, alone: expect.stringMatching(/not cross-origin isolated, or has the inline/) };
  expect(await askTogether(page)).toEqual({ isolated: false, ...ALL_FOUND, warnings: [], before: alone, after: alone });
  await page.close();
  const inline = await openPage(ISOLATED, "package/inline.js");
  expect(await askTogether(inline)).toEqual({ isolated: true, ...ALL_FOUND, warnings: [], before: alone, after: alone });
  await inline.close();
});

test.runIf(cores > 1)(
  "where helpers cannot be had, or die in the midst of an item, the engine does their work and says so once",
  async () => {
    for (const [from, why] of [
      ["without-helper/index.js", /cores.js, .* could not be loaded: /],
      ["dying-helper/index.js", /a helper has ended: /],
    ] as const) {
      const page = await openPage(ISOLATED, from);
      const outcome = await page.evaluate(async (path) => {
        const client = new TidepoolClient({ path, storage: "memory", onWarning: () => undefined });
        const collection = await client.createCollection({ name: "many", embeddingFunction: null });
        const embeddings = vectors(3000, 384, 1);
        await collection.add({ ids: embeddings.map((_, i) => `r${i}`), embeddings });
        const queryEmbeddings = vectors(150, 384, 2);
        const ask = async () =>
          JSON.stringify((await collection.query({ queryEmbeddings, nResults: 7, include: ["distances"] })).distances);
        const answers = [await ask()];
        // All helpers are asked in each call, until the last is known to be gone.
        while ((await client.info()).cores.alone === null) answers.push(await ask());
        const { cores, warnings } = await client.info();
        await client.close();
        return { kinds: new Set(answers).size, cores, warnings };
      }, `cores-${paths++}`);
      expect(outcome).toEqual({
        kinds: 1,
        cores: { allowed: cores, helpers: 0, alone: expect.stringMatching(why) },
        warnings: [expect.stringMatching(why)],
      });
      await page.close();
    }
  },
);

test("a graph that helpers build is found through, together as alone; deleting and closing in the midst leave nothing behind", async () => {
  const page = await openPage(ISOLATED);
  const outcome = await page.evaluate(async (path) => {
    const client = new TidepoolClient({ path, storage: "memory", onWarning: () => undefined });
    const until = async (isSo: (info: Awaited<ReturnType<typeof client.info>>) => boolean) => {
      while (!isSo(await client.info())) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const configuration = { hnsw: { ef_construction: 20, max_neighbors: 8 } };
    const collection = await client.createCollection({ name: "many", embeddingFunction: null, configuration });
    const embeddings = lowRank(4200, 4096, 3);
    for (let from = 0; from < embeddings.length; from += 600) {
      const part = embeddings.slice(from, from + 600);
      await collection.add({ ids: part.map((_, i) => `r${from + i}`), embeddings: part });
    }
    await until(({ compacting, memory }) => !compacting && memory.graphs > 4000 * 84);
    const queryEmbeddings = embeddings.slice(100, 160);
    const ask = (queries: Float32Array[]) => collection.query({ queryEmbeddings: queries, nResults: 5, include: ["distances"] });
    const together = await ask(queryEmbeddings);
    const alone = [];
    for (const query of queryEmbeddings) alone.push(await ask([query]));
    const own = together.ids.filter((ids, i) => ids[0] === `r${100 + i}`).length;
    const areSame = JSON.stringify(together.distances) === JSON.stringify(alone.map(({ distances }) => distances![0]));
    const { warnings, cores } = await client.info();
    // So many are inserted together again.
    await collection.update({ ids: Array.from({ length: 1500 }, (_, i) => `r${i}`), embeddings: embeddings.slice(2000, 3500) });
    await until(({ compacting }) => compacting);
    const ended = (asked: Promise<unknown>) =>
      asked.then(
        () => "answered",
        (error: { code?: string }) => error.code,
      );
    const asked = ended(ask(queryEmbeddings));
    await client.deleteCollection({ name: "many" });
    const scanned = await client.createCollection({ name: "scanned", embeddingFunction: null });
    await scanned.add({ ids: embeddings.slice(0, 1000).map((_, i) => `r${i}`), embeddings: embeddings.slice(0, 1000) });
    const askedLast = ended(scanned.query({ queryEmbeddings, nResults: 5 }));
    await client.close();
    return { own, areSame, warnings, cores, asked: await asked, askedLast: await askedLast };
  }, `cores-${paths++}`);
  expect(outcome).toMatchObject({ areSame: true, warnings: [], cores: { allowed: cores } });
  expect(outcome.own).toBeGreaterThan(57);
  expect(["answered", "NOT_FOUND"]).toContain(outcome.asked);
  expect(["answered", "CLOSED", "ABORTED"]).toContain(outcome.askedLast);
  await page.close();
});
