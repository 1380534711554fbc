/** Chroma's own client, unchanged, answered through a service worker by the page that holds the engine. */
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StaticServer } from "../tools/browser/static-server.js";
import { serveOfficialClient } from "./support/official-client.js";
import { expectNoViolations } from "./support/strict-policy.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(() => serve("http://localhost:8000", `location.hash === "#engine"`, "behind-a-service-worker"));

/** Pages whose requests to `url` a service worker answers; those of which `offers` is true have the engine. */
function serve(url: string, offers: string, path: string): Promise<StaticServer> {
  const script = `
    import * as chroma from "chromadb";
    import { TidepoolClient } from "tidepool-db";
    import { offerGateway } from "tidepool-db/rest";
    const { trustedTypes = { createPolicy: (_, rules) => rules } } = globalThis;
    const app = trustedTypes.createPolicy("app", { createScriptURL: (url) => url });
    await navigator.serviceWorker.register(app.createScriptURL("./service-worker.js"), { type: "module" });
    const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    if (!navigator.serviceWorker.controller) await controlled;
    if (${offers}) offerGateway(new TidepoolClient({ path: "${path}", allowReset: true }));
    Object.assign(globalThis, { chroma });
    document.title = "ready";
  `;
  const worker = `
    import { answerFromPages } from "./package/service-worker.js";
    answerFromPages({ url: ${url === "" ? "location.origin" : `"${url}"`} });
    addEventListener("install", () => skipWaiting());
    addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  `;
  return serveOfficialClient(script, { "service-worker.js": worker, "file.txt": "a file of the application" });
}

async function open(hash: string): Promise<Page> {
  const page = await suite.context.newPage();
  await page.goto(suite.app.url + hash);
  await page.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
  return page;
}

test("a page without the engine uses the one of another page, and is told when there is none", async () => {
  const user = await open("");
  const status = () => user.evaluate(async () => (await fetch("http://localhost:8000/api/v2/heartbeat")).status);
  expect(await status()).toBe(503);

  const engine = await open("#engine");
  expect(await status()).toBe(200);
  const seen = await user.evaluate(async () => {
    const client = new chroma.ChromaClient();
    const tides = await client.createCollection({ name: "tides", embeddingFunction: null });
    await tides.add({
      ids: ["a", "b"],
      embeddings: [
        [1, 0],
        [0, 1],
      ],
      documents: ["ebb", "flood"],
    });
    await tides.update({ ids: ["a"], metadatas: [{ n: 1 }] });
    const { K, Knn, Search } = chroma;
    const found = await tides.query({ queryEmbeddings: [[0, 1]], nResults: 1 });
    const searched = await tides.search(
      new Search()
        .rank(Knn({ query: [1, 0] }))
        .limit(1)
        .select(K.DOCUMENT),
    );
    const forked = await tides.fork({ name: "forked" });
    await tides.delete({ ids: ["b"] });
    const got = await tides.get();
    return [found.ids, searched.documents, got.metadatas, await tides.count(), await forked.count()];
  });
  expect(seen).toEqual([[["b"]], [["ebb"]], [{ n: 1 }], 1, 2]);

  await engine.close();
  const refused = await user.evaluate(() =>
    fetch("http://localhost:8000/api/v2/heartbeat").then(async (response) => [response.status, (await response.json()).message]),
  );
  expect(refused).toEqual([503, expect.stringContaining("offerGateway")]);
});

describe("at the application's own origin", () => {
  let app: StaticServer;
  let elsewhere: StaticServer;
  let engine: Page;

  beforeAll(async () => {
    app = await serve("", "true", "forged");
    // Its policy must not be what keeps it from trying.
    elsewhere = await serveOfficialClient("", { "blank.html": "<!doctype html>" }, {});
    engine = await suite.context.newPage();
    await engine.goto(app.url);
    await engine.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
    await engine.evaluate(async () => {
      const client = new chroma.ChromaClient({ host: location.hostname, port: Number(location.port) });
      const kept = await client.createCollection({ name: "kept", embeddingFunction: null });
      await kept.add({ ids: ["a"], embeddings: [[1]] });
    });
  });
  afterAll(async () => {
    await Promise.all([app?.close(), elsewhere?.close()]);
    expectNoViolations(app);
  });

  /** Records of the database, asked for as the official client asks. */
  const records = () =>
    engine.evaluate(async () => {
      const client = new chroma.ChromaClient({ host: location.hostname, port: Number(location.port) });
      const counts = (await client.listCollections()).map((collection: { count(): Promise<number> }) => collection.count());
      return Promise.all(counts);
    });

  /** Runs in a page of another origin what may leave that page, and waits for the document of the target where it goes there. */
  async function from(body: string, leaves: boolean): Promise<Page> {
    const page = await suite.context.newPage();
    await page.goto(`${elsewhere.url}blank.html`);
    const arrived = leaves ? page.waitForURL((url) => url.href.startsWith(app.url)) : undefined;
    await page
      .evaluate(`(async () => { const target = "${app.url}", reset = target + "api/v2/reset"; ${body} })()`)
      .catch((error: Error) => {
        // A form takes its page away under the evaluation.
        if (!/context was destroyed|navigat/i.test(error.message)) throw error;
      });
    await arrived;
    await page.waitForLoadState("networkidle");
    return page;
  }

  const form = (type: string, path: string) => `
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: target + "${path}", enctype: "${type}" });
    form.append(Object.assign(document.createElement("input"), { name: '{"name":"forged","x":"', value: '"}' }));
    document.body.append(form);
    form.submit();`;
  const database = "api/v2/tenants/default_tenant/databases/default_database";

  test.each([
    ["a form", form("application/x-www-form-urlencoded", "api/v2/reset"), true],
    ["a form of text that is JSON", form("text/plain", `${database}/collections`), true],
    ["a form of parts", form("multipart/form-data", "api/v2/reset"), true],
    ["a request without CORS", `await fetch(target + "api/v2/reset", { method: "POST", mode: "no-cors" });`, false],
    ["a request with CORS", `await fetch(target + "api/v2/reset", { method: "POST" }).catch(() => undefined);`, false],
    ["a beacon", `navigator.sendBeacon(target + "api/v2/reset", "x");`, false],
    [
      "an image",
      `await new Promise((done) => { const i = new Image(); i.onload = i.onerror = done; i.src = target + "api/v2/reset"; });`,
      false,
    ],
    [
      "a frame",
      `await new Promise((onload) => document.body.append(Object.assign(document.createElement("iframe"), { onload, src: reset })));`,
      false,
    ],
    ["a navigation", `location.href = target + "${database}/collections";`, true],
  ])("%s of another site changes and shows nothing", async (_, body, leaves) => {
    const page = await from(body, leaves);
    expect(await page.content()).not.toContain("kept");
    await page.close();
    expect(await records()).toEqual([1]);
  });

  test("the application's own files, missing ones and navigations come from its server", async () => {
    const page = await suite.context.newPage();
    await page.goto(`${app.url}file.txt`);
    expect(await page.textContent("body")).toBe("a file of the application");
    await page.goto(app.url);
    await page.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
    expect(
      await page.evaluate(async () => {
        const text = (path: string) => fetch(path).then(async (response) => [response.status, await response.text()]);
        return [await text("/file.txt"), (await text("/missing.txt"))[0], (await text("/openapi.json"))[0], await text("/api/v2/version")];
      }),
    ).toEqual([[200, "a file of the application"], 404, 404, [200, '"1.0.0"']]);
    await page.close();
  });

  test("the official client, which resets without a content type, keeps working", async () => {
    expect(
      await engine.evaluate(async () => {
        const client = new chroma.ChromaClient({ host: location.hostname, port: Number(location.port) });
        await client.reset();
        return client.countCollections();
      }),
    ).toBe(0);
  });
});
