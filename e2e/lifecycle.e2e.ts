/**
 * A database over the life of pages and workers: reloads, several tabs and clients, crashes, the back/forward cache,
 * long writes that are watched or aborted, and the storages and kernels that a browser may have to do with.
 */
import type { Page } from "playwright";
import type { Collection, TidepoolClient } from "tidepool-db";
import { expect, test } from "vitest";
import { createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { killPage, openInOwnProcess } from "../tools/browser/page-process.js";
import { can } from "../tools/browser/target.js";
import { openTab, serveApp, untilReady } from "./support/app.js";
import { useSuite } from "./support/suite.js";

type Records = typeof import("./pages/records.js");

declare global {
  /** In the page: what one evaluation leaves for the next. */
  var client: TidepoolClient;
  var collection: Collection;
  var outcome: Promise<unknown>;
}

const suite = useSuite(serveApp);

/** Opens the database at this path in the tab, adds records and leaves it open. */
async function openWith(page: Page, path: string, count: number): Promise<void> {
  await page.evaluate(
    async ({ path, count }) => {
      const { open, recordsOf } = await load<Records>("records");
      globalThis.client = new tidepool.TidepoolClient({ path });
      globalThis.collection = await open(client);
      await collection.add(recordsOf(0, count));
    },
    { path, count },
  );
}

/** Opens the database, says what is wrong with it if it should hold so many records, and closes it. */
function faults(page: Page, path: string, count: number): Promise<string[]> {
  return page.evaluate(
    async ({ path, count }) => {
      const { faultsOf, visit } = await load<Records>("records");
      return visit({ path }, (collection) => faultsOf(collection, count));
    },
    { path, count },
  );
}

test("data survives a reload, a closed tab, and all of it again", async () => {
  const page = await openTab(suite.context, suite.app);
  await openWith(page, "reload", 300);
  await page.reload();
  await untilReady(page);
  expect(await faults(page, "reload", 300)).toEqual([]);
  await openWith(page, "reload", 400);
  await page.close();
  const next = await openTab(suite.context, suite.app);
  expect(await faults(next, "reload", 400)).toEqual([]);
  await next.close();
});

test("clients of one path in one page share one worker; who asks for it otherwise is told", async () => {
  const page = await openTab(suite.context, suite.app);
  await openWith(page, "twice", 20);
  const { refusal, held, after } = await page.evaluate(async () => {
    const { open, rejection } = await load<Records>("records");
    const second = new tidepool.TidepoolClient({ path: "twice" });
    const same = await open(second);
    const refusal = await rejection(new tidepool.TidepoolClient({ path: "twice", durability: "relaxed" }).info());
    const held = (await navigator.locks.query()).held!.filter(({ name }) => name!.startsWith("tidepool-worker:")).length;
    await client.close();
    const after = await same.count();
    await second.close();
    return { refusal, held, after };
  });
  expect(refusal).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(refusal!.message).toMatch(/database "twice" is open with another durability, "strict" and not "relaxed"/);
  expect({ held, after }).toEqual({ held: 1, after: 20 });
  await page.close();
});

test("clients of different paths and several collections keep apart", async () => {
  const page = await openTab(suite.context, suite.app);
  const counts = await page.evaluate(async () => {
    const { idsOf, open, recordsOf } = await load<Records>("records");
    const clients = ["left", "right"].map((path) => new tidepool.TidepoolClient({ path }));
    const names = ["first", "second", "third"];
    await Promise.all(
      clients.flatMap((one, c) => names.map(async (name, n) => (await open(one, name)).add(recordsOf(1000 * n, 10 * (c + 1) + n)))),
    );
    await clients[0]!.deleteCollection({ name: "second" });
    await (await open(clients[1]!, "third")).delete({ ids: idsOf(2000, 5) });
    for (const one of clients) await one.close();
    return Promise.all(
      ["left", "right"].map(async (path) => {
        const again = new tidepool.TidepoolClient({ path });
        const found = await again.listCollections();
        const counts = await Promise.all(
          found.map(async (collection) => [collection.name, await collection.count(), (await collection.peek({ limit: 1 })).ids[0]]),
        );
        await again.close();
        return counts.map((row) => row.join(" ")).sort();
      }),
    );
  });
  expect(counts).toEqual([
    ["first 10 r0", "third 12 r2000"],
    ["first 20 r0", "second 21 r1000", "third 17 r2005"],
  ]);
  await page.close();
});

test("a page whose process dies loses nothing, and another tab goes on", async () => {
  const own = await openInOwnProcess(suite.profile, () => openTab(suite.context, suite.app));
  await openWith(own.page, "crash", 300);
  await killPage(own);
  const next = await openTab(suite.context, suite.app);
  expect(await faults(next, "crash", 300)).toEqual([]);
  await next.close();
  await own.page.close();
});

test("a worker that dies is followed by another, in which what is under way goes on", async () => {
  const page = await openTab(suite.context, suite.app);
  const found = await page.evaluate(async () => {
    const { faultsOf, open, recordsOf } = await load<Records>("records");
    const workers: Worker[] = [];
    const client = new tidepool.TidepoolClient({
      path: "worker",
      worker: () => {
        workers.push(new Worker("./package/worker.js", { type: "module" }));
        return workers.at(-1)!;
      },
    });
    const collection = await open(client);
    await collection.add(recordsOf(0, 200));
    const underWay = [collection.get({ include: ["embeddings"] }), collection.get()] as const;
    workers[0]!.terminate();
    const counts = (await Promise.all(underWay)).map(({ ids }) => ids.length);
    const faults = await faultsOf(collection, 200);
    await client.close();
    return { counts, faults, workers: workers.length };
  });
  expect(found).toEqual({ counts: [200, 200], faults: [], workers: 2 });
  await page.close();
});

test("a long write tells its progress, and an abort keeps exactly what was acknowledged", async () => {
  const page = await openTab(suite.context, suite.app);
  const found = await page.evaluate(async () => {
    const { faultsOf, recordsOf, rejection, visit } = await load<Records>("records");
    const total = 6000;
    const controller = new AbortController();
    const told: { done: number; total: number }[] = [];
    const onProgress = (progress: { done: number; total: number }): void => {
      told.push(progress);
      controller.abort();
    };
    const refusal = await visit({ path: "abort" }, (collection) =>
      rejection(collection.add({ ...recordsOf(0, total), signal: controller.signal, onProgress })),
    );
    const kept = refusal!.details.acknowledged as number;
    const faults = await visit({ path: "abort" }, (collection) => faultsOf(collection, kept));
    const rest: number[] = [];
    await visit({ path: "abort" }, (collection) =>
      collection.add({ ...recordsOf(kept, total - kept), onProgress: ({ done }) => rest.push(done) }),
    );
    const afterwards = await visit({ path: "abort" }, (collection) => faultsOf(collection, total));
    return { refusal, kept, told, faults, rest, afterwards };
  });
  expect(found.refusal).toMatchObject({ code: "ABORTED" });
  expect(found.refusal!.message).toContain(`${found.kept} of 6000`);
  expect(found.kept).toBeGreaterThan(0);
  expect(found.kept).toBeLessThan(6000);
  expect(found.faults).toEqual([]);
  expect(found.told.map(({ total }) => total)).toEqual(found.told.map(() => 6000));
  for (const done of [found.told.map(({ done }) => done), found.rest]) expect(done).toEqual([...new Set(done)].sort((a, b) => a - b));
  expect(found.rest.at(-1)).toBe(6000 - found.kept);
  expect(found.afterwards).toEqual([]);
  await page.close();
});

test("the page stays alive while 8,000 records are stored", async () => {
  const page = await openTab(suite.context, suite.app);
  const { turns, longest, count } = await page.evaluate(async () => {
    const { recordsOf, visit } = await load<Records>("records");
    const records = recordsOf(0, 8000);
    let longest = 0;
    let turns = 0;
    let over = false;
    const beat = (async () => {
      for (let last = performance.now(); !over; turns++) {
        await new Promise((resolve) => setTimeout(resolve));
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      }
    })();
    const count = await visit({ path: "alive" }, async (collection) => {
      await collection.add(records);
      return collection.count();
    });
    over = true;
    await beat;
    return { turns, longest, count };
  });
  console.log(`while 8,000 records were stored the page had ${turns} turns, the longest gap was ${Math.round(longest)} ms`);
  expect(count).toBe(8000);
  expect(turns).toBeGreaterThan(20);
  await page.close();
});

test("more collections than the browser has WebAssembly memories are written, read, and read again after reopening", async () => {
  const page = await openTab(suite.context, suite.app);
  const found = await page.evaluate(async () => {
    // Chromium gives out about 120 memories. Each collection is just too large to do without one.
    const [collections, dimension, records] = [140, 4096, 66];
    const ids = Array.from({ length: records }, (_, i) => `r${i}`);
    const embeddingsOf = (c: number): Float32Array[] =>
      ids.map((_, i) => new Float32Array(dimension).fill(1, 0, i + 1).fill(c + 1, i, i + 1));
    const nearest = async (client: TidepoolClient): Promise<string[]> => {
      const wrong: string[] = [];
      for (let c = 0; c < collections; c++) {
        const collection = await client.getCollection({ name: `collection-${c}`, embeddingFunction: null });
        const {
          ids: [first],
        } = await collection.query({ queryEmbeddings: [embeddingsOf(c)[c % records]!], nResults: 1 });
        if (first![0] !== `r${c % records}`) wrong.push(`${c}: ${first![0]}`);
      }
      return wrong;
    };
    const visit = async <T>(body: (client: TidepoolClient) => Promise<T>): Promise<T> => {
      const client = new tidepool.TidepoolClient({ path: "many-collections" });
      try {
        return await body(client);
      } finally {
        await client.close();
      }
    };
    const fresh = await visit(async (client) => {
      for (let c = 0; c < collections; c++) {
        const collection = await client.createCollection({ name: `collection-${c}`, embeddingFunction: null });
        await collection.add({ ids, embeddings: embeddingsOf(c) });
      }
      return nearest(client);
    });
    const reopened = await visit(nearest);
    const { collections: listed, records: counted } = await visit((client) => client.info());
    return { fresh, reopened, listed, counted };
  });
  expect(found).toEqual({ fresh: [], reopened: [], listed: 140, counted: 140 * 66 });
  await page.close();
});

test("memory keeps nothing, IndexedDB keeps everything, and info tells which it is", async () => {
  const page = await openTab(suite.context, suite.app);
  const found = await page.evaluate(async () => {
    const { faultsOf, recordsOf, visit } = await load<Records>("records");
    const results = [];
    for (const storage of ["memory", "indexeddb"] as const) {
      const options = { path: `storage-${storage}`, storage };
      const info = await visit(options, async (collection, client) => {
        await collection.add(recordsOf(0, 200));
        return { ...(await client.info()), faults: await faultsOf(collection, 200) };
      });
      const after = await visit(options, (collection) => collection.count());
      results.push({ storage: info.storage, records: info.records, faults: info.faults, after });
    }
    const auto = await visit({ path: "storage-indexeddb" }, (_, client) => client.info());
    return { results, auto: auto.storage, databases: (await indexedDB.databases()).map(({ name }) => name) };
  });
  expect(found.results).toEqual([
    { storage: "memory", records: 200, faults: [], after: 0 },
    { storage: "indexeddb", records: 200, faults: [], after: 200 },
  ]);
  expect(found.auto).toBe("indexeddb");
  expect(found.databases).toContain("tidepool:storage-indexeddb");
  expect(found.databases).not.toContain("tidepool:storage-memory");
  await page.close();
});

test("without relaxed SIMD, or any, the other kernels give the same answers, and each can read what another stored", async () => {
  const page = await openTab(suite.context, suite.app);
  const { kernels, answers, faults } = await page.evaluate(async () => {
    const { embeddingOf, faultsOf, recordsOf, visit } = await load<Records>("records");
    const plain = { path: "kernel", worker: () => new Worker("./no-simd.js", { type: "module" }) };
    await visit(plain, (collection) => collection.add(recordsOf(0, 500)));
    const kernels: string[] = [];
    const answers: unknown[] = [];
    const faults: string[] = [];
    const portable = { path: "kernel", worker: () => new Worker("./no-relaxed-simd.js", { type: "module" }) };
    for (const options of [plain, portable, { path: "kernel" }]) {
      await visit(options, async (collection, client) => {
        kernels.push((await client.info()).kernel);
        const { ids, distances } = await collection.query({
          queryEmbeddings: [1, 250, 9999].map(embeddingOf),
          nResults: 20,
          where: { parity: "even" },
        });
        answers.push({ ids, distances });
        faults.push(...(await faultsOf(collection, 500)));
      });
    }
    return { kernels, answers, faults };
  });
  expect(kernels).toEqual(["typescript", "wasm-simd", "wasm-relaxed-simd"]);
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  expect(faults).toEqual([]);
  await page.close();
});

test("a page put aside by the browser lets go of the database; what it asked for is answered when it is back", async () => {
  const page = await openTab(suite.context, suite.app);
  await openWith(page, "aside", 40);
  // Playwright switches the back/forward cache off, so the page is told what it would be told; the next test has the real one.
  await page.evaluate(() => {
    globalThis.outcome = client.info().then(({ records }) => records);
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
  });
  const other = await openTab(suite.context, suite.app);
  expect(await faults(other, "aside", 40)).toEqual([]);
  await other.close();
  const records = await page.evaluate(() => {
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    return outcome;
  });
  expect(records).toBe(40);
  await page.close();
});

test.runIf(can("backForwardCache"))("a page whose clients are closed is put into the back/forward cache", async () => {
  const own = await createProfile();
  const served = await serveApp({ headers: { "cache-control": "no-cache" } });
  const browser = await spawnBrowser(own);
  try {
    const [page, watching] = [await openTab(browser.context, served), await openTab(browser.context, served)];
    await openWith(page, "left", 40);
    await page.evaluate(async () => {
      await client.close();
      addEventListener("pageshow", ({ persisted }) => localStorage.setItem("back", String(persisted)));
    });
    await page.goto(new URL("elsewhere.html", served.url).href);
    // No driver need hear of a page that is restored.
    await page.evaluate(() => void setTimeout(() => history.back()));
    await expect.poll(() => watching.evaluate(() => localStorage.getItem("back")), { timeout: 120_000 }).toBe("true");
  } finally {
    await browser.close();
    await served.close();
    await removeProfile(own);
  }
});

test.runIf(can("backForwardCache") && can("devtools"))(
  "a page in the real back/forward cache leaves the database to another tab, and comes back alive",
  async () => {
    const own = await createProfile();
    // A page that must not be stored is not put aside either.
    const served = await serveApp({ headers: { "cache-control": "no-cache" } });
    const browser = await spawnBrowser(own);
    try {
      const page = await openTab(browser.context, served);
      await openWith(page, "cached", 40);
      await page.evaluate(() => {
        globalThis.outcome = new Promise((resolve) => addEventListener("pageshow", ({ persisted }) => resolve(persisted)));
      });
      await page.goto(new URL("elsewhere.html", served.url).href);
      const other = await openTab(browser.context, served);
      expect(await faults(other, "cached", 40)).toEqual([]);
      await other.close();
      const reasons: string[] = [];
      const session = await browser.context.newCDPSession(page);
      session.on("Page.backForwardCacheNotUsed", ({ notRestoredExplanations }) =>
        reasons.push(...notRestoredExplanations.map(({ reason }) => reason)),
      );
      await session.send("Page.enable");
      // A page that is restored was loaded long ago and fires no second "load".
      await page.goBack({ waitUntil: "commit" });
      const isBack = () =>
        page.evaluate(async () => location.pathname === "/" && document.title === "ready" && ((await globalThis.outcome) ?? "loaded anew"));
      await expect.poll(isBack, { timeout: 30_000 }).toBeTruthy();
      if ((await isBack()) === true) expect(await page.evaluate(() => collection.count())).toBe(40);
      // On a busy machine the debugger's own script may run in the page that is put aside, which ends that. Nothing of ours may.
      else expect(reasons).toContain("JavaScriptExecution");
    } finally {
      await browser.close();
      await served.close();
      await removeProfile(own);
    }
  },
);
