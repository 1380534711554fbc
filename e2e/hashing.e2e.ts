/** The default embedding function as it ships, whose long work is done in a worker of its own where there can be one. */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import type * as Hashing from "./pages/hashing.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(serveApp);

const embed = (page: Page) => page.evaluate(async () => (await load<typeof Hashing>("hashing")).embed());

test("texts have the embeddings in a worker that they have in place", async () => {
  const page = await openTab(suite.context, suite.app);
  expect(await embed(page)).toEqual({ workers: 1, areSame: true });
  await page.close();
});

test("megabytes of text go to the worker one text at a time, and the page has its turns between them", async () => {
  const page = await openTab(suite.context, suite.app);
  const megabytes = () => page.evaluate(async () => (await load<typeof Hashing>("hashing")).embedMegabytes(3));
  expect(await megabytes()).toEqual({ workers: 1, dimensions: [384, 384, 384], sent: 3, tasks: 3 });
  await page.close();
});

test("where the worker's file is not to be had, texts are embedded in place", async () => {
  const page = await suite.context.newPage();
  const asked: string[] = [];
  await page.route("**/hashing-worker.js", (route) => {
    asked.push(route.request().url());
    return route.fulfill({ status: 404, contentType: "text/html", body: "not here" });
  });
  await page.goto(suite.app.url);
  expect(await embed(page)).toEqual({ workers: 1, areSame: true });
  expect(asked.length).toBe(1);
  await page.close();
});
