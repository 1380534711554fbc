/**
 * One database in several contexts of an origin at once: tabs, frames and workers read and write with the same results, and go
 * on when the one that runs the engine closes, crashes, reloads or loses its worker.
 */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { openInOwnProcess } from "../tools/browser/page-process.js";
import { can, target } from "../tools/browser/target.js";
import { openTab, serveApp, untilReady } from "./support/app.js";
import { useSuite } from "./support/suite.js";
import { type Ending, end, joinTab, openIn, untilStandby } from "./support/tabs.js";

type Records = typeof import("./pages/records.js");

const suite = useSuite(serveApp);

const joinIn = (path: string) => joinTab(suite, path);

function add(page: Page, first: number, count: number): Promise<void> {
  return page.evaluate(async ([first, count]) => collection.add((await load<Records>("records")).recordsOf(first, count)), [
    first,
    count,
  ] as const);
}

function faults(page: Page, count: number): Promise<string[]> {
  return page.evaluate(async (count) => (await load<Records>("records")).faultsOf(collection, count), count);
}

test("two tabs read and write at once, and each hears of the other's changes", async () => {
  const first = await joinIn("both");
  const second = await joinIn("both");
  expect([first.role, second.role]).toEqual(["holder", "follower"]);
  await second.page.evaluate(() => {
    const heard: unknown[] = [];
    client.on("change", ({ kind, count, ids, own }) => heard.push([kind, count, ids?.[0] ?? null, own]));
    Object.assign(globalThis, { heard });
  });
  await Promise.all([add(first.page, 0, 150), add(second.page, 150, 50)]);
  const ids = await Promise.all([first, second].map(({ page }) => page.evaluate(async () => (await collection.get()).ids.sort())));
  expect(ids[0]).toHaveLength(200);
  expect(ids[1]).toEqual(ids[0]);
  const heard = await second.page.evaluate(() => (globalThis as unknown as { heard: unknown[][] }).heard);
  expect(heard.sort()).toEqual([
    ["add", 150, null, false],
    ["add", 50, "r150", true],
  ]);
  await first.page.close();
  await second.page.close();
});

test("a follower has a port to the holder's worker, and a relay where there is no broker", async () => {
  const holder = await joinIn("ways");
  await add(holder.page, 0, 100);
  const direct = { page: await openTab(suite.context, suite.app) };
  await direct.page.evaluate(() => {
    const channels: string[] = [];
    globalThis.BroadcastChannel = class extends BroadcastChannel {
      constructor(name: string) {
        super(name);
        channels.push(name);
      }
    };
    Object.assign(globalThis, { channels });
  });
  expect(await openIn(direct.page, "ways")).toBe("follower");
  expect(await direct.page.evaluate(() => (globalThis as unknown as { channels: string[] }).channels)).toEqual(["tidepool:ways"]);
  expect(await faults(direct.page, 100)).toEqual([]);
  const relayed = await openTab(suite.context, suite.app);
  const found = await relayed.evaluate(async () => {
    Object.assign(globalThis, { SharedWorker: undefined });
    const { faultsOf, open } = await load<Records>("records");
    globalThis.client = new tidepool.TidepoolClient({ path: "ways" });
    globalThis.collection = await open(client);
    return { role: (await client.info()).role, faults: await faultsOf(collection, 100) };
  });
  expect(found).toEqual({ role: "follower", faults: [] });
  const roundTrips = async (page: Page): Promise<number> =>
    page.evaluate(async () => {
      const times: number[] = [];
      for (let i = 0; i < 200; i++) {
        const from = performance.now();
        await client.heartbeat();
        times.push(performance.now() - from);
      }
      return times.sort((a, b) => a - b)[100]!;
    });
  const [own, port, relay] = [await roundTrips(holder.page), await roundTrips(direct.page), await roundTrips(relayed)];
  console.log(`round trip p50, ms: holder ${own}, over a port ${port}, relayed ${relay}`);
  for (const page of [relayed, direct.page, holder.page]) await page.close();
});

test.each<Ending>(["close", "crash", "terminate", "reload", "client.close"])(
  "when the holder ends in the middle of work (%s), the others go on and nothing is lost or done twice",
  async (how) => {
    const path = `end-${how}`;
    const holder = await openInOwnProcess(suite.profile, () => openTab(suite.context, suite.app));
    await openIn(holder.page, path);
    const others = [await joinIn(path), await joinIn(path)];
    await untilStandby(holder.page, path);
    await add(holder.page, 0, 100);
    for (const [i, { page }] of others.entries()) {
      await page.evaluate(
        async (first) => {
          const { recordsOf } = await load<Records>("records");
          globalThis.written = 0;
          globalThis.writing = (async () => {
            for (let n = first; n < first + 400; n += 10) {
              await collection.add(recordsOf(n, 10));
              globalThis.written = n + 10 - first;
            }
          })();
        },
        100 + 400 * i,
      );
    }
    await others[0]!.page.waitForFunction(() => written >= 100);
    await end(holder, how);
    for (const { page } of others) await page.evaluate(() => writing);
    const found = await others[1]!.page.evaluate(async () => {
      const { ids } = await collection.get();
      return { sorted: ids.map((id) => Number(id.slice(1))).sort((a, b) => a - b), count: await collection.count() };
    });
    expect(found).toEqual({ sorted: Array.from({ length: 900 }, (_, i) => i), count: 900 });
    const roles = await Promise.all(others.map(({ page }) => page.evaluate(async () => (await client.info()).role)));
    expect(roles.sort()).toEqual(["follower", "holder"]);
    for (const { page } of others) await page.close();
    if (how !== "close") await holder.page.close();
  },
);

test("a frame, a dedicated worker and a service worker use it too", async () => {
  const { page } = await joinIn("kinds");
  const found = await page.evaluate(async () => {
    type Answer = { role?: string; count?: number; code?: string; message?: string };
    const ask = (target: { postMessage(message: unknown, transfer: Transferable[]): void }, path: string, id: string): Promise<Answer> =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data as Answer);
        target.postMessage({ path, id }, [port2]);
      });
    const frame = document.createElement("iframe");
    frame.src = "./index.html";
    document.body.append(frame);
    await new Promise((resolve) => (frame.onload = resolve));
    const inside = frame.contentWindow as unknown as typeof globalThis;
    while (inside.document.title !== "ready") await new Promise((resolve) => setTimeout(resolve, 5));
    const framed = new inside.tidepool.TidepoolClient({ path: "kinds" });
    const notes = await framed.getCollection({ name: "notes" });
    await notes.add({ ids: ["frame"], embeddings: [new Float32Array(256)] });
    const roles = [(await framed.info()).role];

    const worker = new Worker("./client-worker.js", { type: "module" });
    const fromWorker = await ask(worker, "kinds", "worker");
    const { active, installing, waiting } = await navigator.serviceWorker.register("./client-worker.js", { type: "module" });
    const service = (active ?? waiting ?? installing)!;
    const fromService = await ask(service, "kinds", "service");
    const alone = await ask(service, "nobody", "service");
    const holds = await ask(worker, "own", "worker");
    return { roles, fromWorker, fromService, alone, holds, count: await collection.count() };
  });
  expect(found).toEqual({
    roles: ["follower"],
    fromWorker: { role: "follower", count: 2 },
    fromService: { role: "follower", count: 3 },
    alone: { code: "NOT_SUPPORTED", message: expect.stringContaining('Database "nobody" is open nowhere, and there is no Worker here') },
    holds: { role: "holder", count: 1 },
    count: 3,
  });
  await page.close();
});

test("a SharedWorker uses it too, and says why where it cannot have a database of its own", async () => {
  const { page } = await joinIn("shared");
  const answers = await page.evaluate(async () => {
    const shared = new SharedWorker("./client-worker.js", { type: "module" });
    const ask = (path: string): Promise<unknown> =>
      new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        shared.port.postMessage({ path, id: "shared" }, [port2]);
      });
    shared.port.start();
    return [await ask("shared"), await ask("nobody-shares")];
  });
  // Chromium has no workers inside a SharedWorker.
  const why = 'Database "nobody-shares" is open nowhere, and there is no Worker here';
  const alone = target === "chromium" ? { code: "NOT_SUPPORTED", message: expect.stringContaining(why) } : { role: "holder", count: 1 };
  expect(answers).toEqual([{ role: "follower", count: 1 }, alone]);
  await page.close();
});

test("another release in another tab is refused, by name, and disturbs nothing", async () => {
  const { page } = await joinIn("releases");
  await add(page, 0, 10);
  const other = await suite.context.newPage();
  await other.route("**/package/client.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replaceAll("0.1.0", "9.9.9") });
  });
  await other.goto(suite.app.url);
  await untilReady(other);
  const refusal = await other.evaluate(async () =>
    (await load<Records>("records")).rejection(new tidepool.TidepoolClient({ path: "releases" }).info()),
  );
  expect(refusal).toMatchObject({ code: "NOT_SUPPORTED", details: { holder: "0.1.0", release: "9.9.9" } });
  expect(await faults(page, 10)).toEqual([]);
  await other.close();
  await page.close();
});

test("a holder that hangs loses the lease to one that answers, and follows when it goes on", async () => {
  const holder = await joinIn("hangs");
  await add(holder.page, 0, 50);
  const other = await joinIn("hangs");
  await untilStandby(holder.page, "hangs");
  await holder.page.evaluate(() => workers.at(-1)!.postMessage({ hangMs: 8000 }));
  const from = Date.now();
  await add(other.page, 50, 50);
  console.log(`a write went on ${Date.now() - from} ms after the holder hung`);
  expect(await other.page.evaluate(async () => (await client.info()).role)).toBe("holder");
  await add(holder.page, 100, 20);
  expect(await holder.page.evaluate(async () => (await client.info()).role)).toBe("follower");
  for (const { page } of [holder, other]) expect(await faults(page, 120)).toEqual([]);
  await holder.page.close();
  await other.page.close();
});

/**
 * The page and its workers do nothing else for so long, as when the browser has frozen them; the workers a moment longer, so that
 * they find waiting what the page asks as soon as it goes on, which is how many records there are.
 */
function freeze(page: Page, ms: number): Promise<void> {
  return page.evaluate(async (ms) => {
    const hanging = new BroadcastChannel("hanging");
    const begun = new Promise((resolve) => hanging.addEventListener("message", resolve));
    for (const worker of workers) worker.postMessage({ hangMs: ms + 700 });
    await begun;
    hanging.close();
    globalThis.writing = new Promise((resolve) => {
      setTimeout(() => {
        for (const end = Date.now() + ms; Date.now() < end; );
        resolve(Promise.all([collection.count(), collection.get({ limit: 1000 }).then(({ ids }) => ids.length)]));
      });
    });
  }, ms);
}

// In Firefox the tabs of one site share a process, and freeze together.
test.runIf(can("devtools"))(
  "a holder that is frozen with its page is taken over from, and answers nothing from before when it thaws",
  async () => {
    const holder = await joinIn("thaws");
    await add(holder.page, 0, 50);
    const other = await joinIn("thaws");
    await untilStandby(holder.page, "thaws");
    await freeze(holder.page, 8000);
    await add(other.page, 50, 50);
    expect(await other.page.evaluate(async () => (await client.info()).role)).toBe("holder");
    expect(await holder.page.evaluate(() => writing)).toEqual([100, 100]);
    await add(holder.page, 100, 20);
    expect(await holder.page.evaluate(async () => (await client.info()).role)).toBe("follower");
    for (const { page } of [holder, other]) expect(await faults(page, 120)).toEqual([]);
    for (const { page } of [holder, other]) await page.close();
  },
);

test.runIf(can("devtools"))("a tab that stands by, and is frozen when the lease comes to it, keeps no other from going on", async () => {
  const holder = await joinIn("displaced");
  await add(holder.page, 0, 50);
  const frozen = await joinIn("displaced");
  await untilStandby(holder.page, "displaced");
  const other = await joinIn("displaced");
  await freeze(frozen.page, 20_000);
  await holder.page.close();
  const from = Date.now();
  await add(other.page, 50, 50);
  console.log(`a write went on ${Date.now() - from} ms after the holder had gone`);
  expect(await other.page.evaluate(async () => (await client.info()).role)).toBe("holder");
  expect(await frozen.page.evaluate(() => writing)).toEqual([100, 100]);
  await add(frozen.page, 100, 20);
  for (const { page } of [frozen, other]) expect(await faults(page, 120)).toEqual([]);
  expect(await other.page.evaluate(async () => (await client.info()).role)).toBe("holder");
  for (const { page } of [frozen, other]) await page.close();
});

test.runIf(can("devtools"))("a holder whose page is frozen goes on serving", async () => {
  const holder = await joinIn("frozen");
  const other = await joinIn("frozen");
  const session = await suite.context.newCDPSession(holder.page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await add(other.page, 0, 50);
  const third = await joinIn("frozen");
  for (const { page } of [other, third]) expect(await faults(page, 50)).toEqual([]);
  await session.send("Page.setWebLifecycleState", { state: "active" });
  expect(await faults(holder.page, 50)).toEqual([]);
  for (const { page } of [third, other, holder]) await page.close();
});

test.runIf(can("extensions"))(
  "an extension's background service worker, its offscreen document and its pages share one database",
  async () => {
    const [folder, profile] = [await mkdtemp(join(tmpdir(), "tidepool-extension-")), await createProfile()];
    await cp(dirname(createRequire(import.meta.url).resolve("tidepool-db")), join(folder, "package"), { recursive: true });
    const files = {
      "manifest.json": JSON.stringify({
        manifest_version: 3,
        name: "tidepool",
        version: "1",
        permissions: ["offscreen"],
        background: { service_worker: "background.js", type: "module" },
        content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" },
      }),
      "background.js": `import { TidepoolClient } from "./package/index.js";
      const client = new TidepoolClient({ path: "extension", offscreen: "offscreen.html" });
      globalThis.use = async (id) => {
        const notes = await client.getOrCreateCollection({ name: "notes", embeddingFunction: null });
        await notes.add({ ids: [id], embeddings: [[1, 2]] });
        return { role: (await client.info()).role, ids: (await notes.get()).ids };
      };`,
      "offscreen.html": '<!doctype html><script type="module" src="offscreen.js"></script>',
      "offscreen.js": 'import { TidepoolClient } from "./package/index.js"; await new TidepoolClient({ path: "extension" }).heartbeat();',
      "panel.html": '<!doctype html><script type="module" src="background.js"></script>',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const context = await openBrowser(profile, { extensions: [folder] });
    try {
      const background = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
      const use = (id: string) => (globalThis as unknown as { use(id: string): Promise<unknown> }).use(id);
      expect(await background.evaluate(use, "background")).toEqual({ role: "follower", ids: ["background"] });
      const panel = await context.newPage();
      await panel.goto(new URL("panel.html", background.url()).href);
      await panel.waitForFunction(() => "use" in globalThis);
      expect(await panel.evaluate(use, "panel")).toEqual({ role: "follower", ids: ["background", "panel"] });
      expect(await background.evaluate(use, "again")).toEqual({ role: "follower", ids: ["background", "panel", "again"] });
    } finally {
      await context.close();
      await removeProfile(profile);
      await rm(folder, { recursive: true, force: true });
    }
  },
);
