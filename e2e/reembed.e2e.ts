/**
 * Another model for a collection that two tabs have open: the tab that embeds is killed in the middle, the other goes on with the
 * old vectors, then with the reembedding where it was left, and each hears by an error that the model is another one.
 */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { openInOwnProcess } from "../tools/browser/page-process.js";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";
import { end, joinTab, openIn } from "./support/tabs.js";

const suite = useSuite(serveApp);
const RECORDS = 40;

/** Opens the collection "letters", embedded by a hashing function, and fills it where it is new. */
function openLetters(page: Page): Promise<number> {
  return page.evaluate(async (count) => {
    const letters = await client.getOrCreateCollection({ name: "letters" });
    const numbers = Array.from({ length: count }, (_, i) => i);
    await letters.add({ ids: numbers.map((i) => `r${i}`), documents: numbers.map((i) => `letter number ${i} of ${count}`) });
    Object.assign(globalThis, { letters });
    return letters.count();
  }, RECORDS);
}

type Letters = { letters: typeof collection; done: number };

/** Embeds in the background, in batches of four, each of which takes a moment. */
function beginReembedding(page: Page): Promise<void> {
  return page.evaluate(() => {
    const { letters } = globalThis as unknown as Letters;
    const inner = new tidepool.HashingEmbeddingFunction({ dimension: 64 });
    const embeddingFunction = Object.assign(Object.create(inner) as typeof inner, {
      generate: async (texts: string[]) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return inner.generate(texts);
      },
    });
    Object.assign(globalThis, { done: 0 });
    const onProgress = ({ done }: { done: number }) => Object.assign(globalThis, { done });
    letters.reembed({ embeddingFunction, batchSize: 4, onProgress }).catch(() => undefined);
  });
}

test("a tab that embeds is killed in the middle; another goes on, and a third learns of the new model by an error", async () => {
  const holder = await openInOwnProcess(suite.profile, () => openTab(suite.context, suite.app));
  // Old enough to publish the swap at once.
  await createSettled(holder.page, { path: "reembed" });
  await openIn(holder.page, "reembed");
  const other = await joinTab(suite, "reembed");
  const third = await joinTab(suite, "reembed");
  for (const { page } of [holder, other, third]) expect(await openLetters(page)).toBe(RECORDS);
  await beginReembedding(holder.page);
  await holder.page.waitForFunction(() => (globalThis as unknown as Letters).done >= 12);
  await end(holder, "crash");

  const kept = await other.page.evaluate(async () => {
    const { letters } = globalThis as unknown as Letters;
    const { ids } = await letters.query({ queryTexts: ["letter number 7 of 40"], nResults: 1 });
    await letters.add({ ids: ["later"], documents: ["a letter that came later"] });
    return { ids, dimension: letters.dimension };
  });
  expect(kept).toEqual({ ids: [["r7"]], dimension: 384 });

  const { report, ...found } = await other.page.evaluate(async () => {
    const { letters } = globalThis as unknown as Letters;
    const embeddingFunction = new tidepool.HashingEmbeddingFunction({ dimension: 64 });
    const report = await letters.reembed({ embeddingFunction });
    const { ids } = await letters.query({ queryTexts: ["letter that came later"], nResults: 1 });
    const { isSound } = await client.verify({ deep: true });
    return { report, ids, isSound, dimension: letters.dimension, collections: await client.countCollections() };
  });
  expect(found).toEqual({ ids: [["later"]], isSound: true, dimension: 64, collections: 2 });
  expect(report).toMatchObject({ records: RECORDS + 1, resumed: true });
  expect(report.embedded).toBeLessThanOrEqual(RECORDS + 1 - 12);

  const told = await third.page.evaluate(async () => {
    const { letters } = globalThis as unknown as Letters;
    const codeOf = (call: Promise<unknown>) => call.then(String, ({ code }: { code: string }) => code);
    const codes = [await codeOf(letters.query({ queryTexts: ["x"] })), await codeOf(letters.add({ ids: ["x"], documents: ["x"] }))];
    const anew = await client.getCollection({ name: "letters" });
    return { codes, count: await letters.count(), dimension: anew.dimension };
  });
  expect(told).toEqual({ codes: ["EMBEDDING_FUNCTION", "EMBEDDING_FUNCTION"], count: RECORDS + 1, dimension: 64 });
});
