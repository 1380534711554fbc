/** Chroma's own client, unchanged, answered through a service worker by the page that holds the engine. */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { serveOfficialClient } from "./support/official-client.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(() => {
  const script = `
    import * as chroma from "chromadb";
    import { TidepoolClient } from "tidepool-db";
    import { offerGateway } from "tidepool-db/rest";
    await navigator.serviceWorker.register("./service-worker.js", { type: "module" });
    const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    if (!navigator.serviceWorker.controller) await controlled;
    if (location.hash === "#engine") offerGateway(new TidepoolClient({ path: "behind-a-service-worker" }));
    Object.assign(globalThis, { chroma });
    document.title = "ready";
  `;
  const worker = `
    import { answerFromPages } from "./package/service-worker.js";
    answerFromPages();
    addEventListener("install", () => skipWaiting());
    addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  `;
  return serveOfficialClient(script, { "service-worker.js": worker });
});

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
