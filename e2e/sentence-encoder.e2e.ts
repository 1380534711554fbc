/**
 * The sentence encoder as it ships, in a page under the strictest policy, which has everything come from the page's own origin: the
 * suite fails when anything was asked of another.
 */
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Page } from "playwright";
import { expect, test } from "vitest";
import type * as Meaning from "./pages/meaning.js";
import { openTab, serveApp, untilReady } from "./support/app.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(serveApp);
const dist = dirname(createRequire(import.meta.url).resolve("tidepool-db"));

test("finds sentences by their meaning, and again after a reload, with nothing asked of another origin", async () => {
  const origins = new Set<string>();
  suite.context.on("request", (request) => origins.add(new URL(request.url()).origin));
  const page = await openTab(suite.context, suite.app);
  const written = await page.evaluate(async () => (await load<typeof Meaning>("meaning")).write("meaning"));
  const { size } = await stat(join(dist, "sentence-encoder.bin"));
  expect(written).toEqual({ loaded: [size, size], nearest: ["s0", "s2"] });
  await page.close();
  const again = await openTab(suite.context, suite.app);
  expect(await again.evaluate(async () => (await load<typeof Meaning>("meaning")).ask("meaning"))).toEqual(["s0", "s2"]);
  await again.close();
  origins.delete("null");
  expect([...origins]).toEqual([new URL(suite.app.url).origin]);
});

const embed = (page: Page, text: string, idleMs: number): Promise<number> =>
  page.evaluate(async ({ text, idleMs }) => (await load<typeof Meaning>("meaning")).embed(text, idleMs), { text, idleMs });

test("works when it is loaded, and its server gone", async () => {
  const app = await serveApp();
  const page = await openTab(suite.context, app);
  expect(await embed(page, "Low tide.", 60_000)).toBeCloseTo(1, 5);
  await app.close();
  expect(await embed(page, "High tide.", 60_000)).toBeCloseTo(1, 5);
  await page.close();
});

test("lets its worker go when it is idle, and begins another", async () => {
  const page = await openTab(suite.context, suite.app);
  const ended = () => page.evaluate(async () => (await load<typeof Meaning>("meaning")).endedWorkers());
  for (const count of [1, 2]) {
    expect(await embed(page, "Low tide.", 0)).toBeCloseTo(1, 5);
    await expect.poll(ended).toBe(count);
  }
  await page.close();
});

test("a model that is not there is an error that says where it was looked for", async () => {
  const page = await openTab(suite.context, suite.app);
  const failure = (modelUrl: string) => page.evaluate(async (url) => (await load<typeof Meaning>("meaning")).failure(url), modelUrl);
  expect(await failure("models/missing.bin")).toEqual({
    code: "EMBEDDING_FUNCTION",
    message: expect.stringContaining(`cannot be loaded from ${suite.app.url}models/missing.bin: the server answers with status 404`),
  });
  expect(await failure("index.html")).toEqual({
    code: "EMBEDDING_FUNCTION",
    message: expect.stringContaining("it is no model of the sentence encoder: it begins with"),
  });
  expect((await failure("package/sentence-encoder.bin")).message).toBe("it was loaded");
  await page.close();
});

test("with a page in place of its worker's file, as behind the dev server of Vite 7 and before, it says what to do", async () => {
  const page = await suite.context.newPage();
  await page.route("**/sentence-encoder-worker.js", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(suite.app.url);
  await untilReady(page);
  const failure = await page.evaluate(async () => (await load<typeof Meaning>("meaning")).failure("models/any.bin"));
  expect(failure.message).toMatch(
    /The worker of SentenceEncoder cannot run here: .*is no script \(status 200, content type text\/html.*exclude/,
  );
  await page.close();
});
