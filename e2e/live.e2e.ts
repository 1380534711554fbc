/** Live results in several tabs of an origin: what one writes another is told, whoever runs the engine, and when that changes hands. */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { openInOwnProcess } from "../tools/browser/page-process.js";
import { can } from "../tools/browser/target.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";
import { type Ending, end, joinTab, openIn, untilStandby } from "./support/tabs.js";

type Records = typeof import("./pages/records.js");
type Heard = { heard: number[]; failed: string[] };

const suite = useSuite(serveApp);

const add = (page: Page, first: number, count: number): Promise<void> =>
  page.evaluate(async ([first, count]) => collection.add((await load<Records>("records")).recordsOf(first, count)), [
    first,
    count,
  ] as const);

/** Subscribes to the number of records, and keeps what is told. */
const listen = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const told: Heard = { heard: [], failed: [] };
    Object.assign(globalThis, { told });
    const onError = ({ code }: { code: string }): void => void told.failed.push(code);
    const live = await collection.subscribe({ count: {}, onError }, ({ results }) => told.heard.push(results));
    return live.initial;
  });

/** The page and its worker do nothing else for so long. */
const hang = (page: Page, ms: number): Promise<void> =>
  page.evaluate(async (ms) => {
    const hanging = new BroadcastChannel("hanging");
    const begun = new Promise((resolve) => hanging.addEventListener("message", resolve));
    for (const worker of workers) worker.postMessage({ hangMs: ms });
    await begun;
    hanging.close();
    setTimeout(() => {
      for (const end = Date.now() + ms; Date.now() < end; );
    });
  }, ms);

const untilTold = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((count) => (globalThis as unknown as { told: Heard }).told.heard.at(-1) === count, count);

test.each<Ending>(["close", "crash", "terminate"])(
  "a write in one tab is told in another, also after the holder's end (%s)",
  async (how) => {
    const path = `live-${how}`;
    const holder = await openInOwnProcess(suite.profile, () => openTab(suite.context, suite.app));
    await openIn(holder.page, path);
    const [listener, writer] = [await joinTab(suite, path), await joinTab(suite, path)];
    await untilStandby(holder.page, path);
    await add(holder.page, 0, 10);
    expect(await listen(listener.page)).toBe(10);
    await add(holder.page, 10, 10);
    await untilTold(listener.page, 20);
    await add(writer.page, 20, 10);
    await untilTold(listener.page, 30);
    await end(holder, how);
    await add(writer.page, 30, 10);
    await untilTold(listener.page, 40);
    for (const { page } of [listener, writer]) await page.close();
  },
);

test.runIf(can("devtools"))("while the holder's page is frozen others are told, and it is when it thaws", async () => {
  const path = "live-frozen";
  const holder = await joinTab(suite, path);
  const [listener, writer] = [await joinTab(suite, path), await joinTab(suite, path)];
  await add(holder.page, 0, 10);
  for (const { page } of [holder, listener]) expect(await listen(page)).toBe(10);
  const session = await suite.context.newCDPSession(holder.page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await add(writer.page, 10, 10);
  await untilTold(listener.page, 20);
  await add(writer.page, 20, 10);
  await untilTold(listener.page, 30);
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await untilTold(holder.page, 30);
  await add(writer.page, 30, 10);
  for (const { page } of [holder, listener]) await untilTold(page, 40);
  for (const { page } of [writer, listener, holder]) {
    expect(await page.evaluate(() => (globalThis as unknown as { told?: Heard }).told?.failed ?? [])).toEqual([]);
    await page.close();
  }
});

test.runIf(can("devtools"))("a holder that hangs with its page: others are told, and it is when it goes on", async () => {
  const path = "live-hanging";
  const holder = await joinTab(suite, path);
  const listener = await joinTab(suite, path);
  await untilStandby(holder.page, path);
  await add(holder.page, 0, 10);
  for (const { page } of [holder, listener]) expect(await listen(page)).toBe(10);
  await hang(holder.page, 8000);
  await add(listener.page, 10, 10);
  await untilTold(listener.page, 20);
  expect(await listener.page.evaluate(async () => (await client.info()).role)).toBe("holder");
  await untilTold(holder.page, 20);
  await add(listener.page, 20, 10);
  for (const { page } of [holder, listener]) await untilTold(page, 30);
  for (const { page } of [holder, listener]) await page.close();
});

test("a holder that the browser puts aside leaves others told, and is told of the latest when it is back", async () => {
  const path = "live-aside";
  const [holder, listener, writer] = [await joinTab(suite, path), await joinTab(suite, path), await joinTab(suite, path)];
  await add(holder.page, 0, 10);
  for (const { page } of [holder, listener]) expect(await listen(page)).toBe(10);
  // The page is told what it would be told, since Playwright switches the back/forward cache off.
  const tell = (type: "pagehide" | "pageshow") =>
    holder.page.evaluate((type) => void dispatchEvent(new PageTransitionEvent(type, { persisted: true })), type);
  await tell("pagehide");
  await add(writer.page, 10, 10);
  await untilTold(listener.page, 20);
  expect(await holder.page.evaluate(() => (globalThis as unknown as { told: Heard }).told)).toEqual({ heard: [], failed: [] });
  await tell("pageshow");
  await untilTold(holder.page, 20);
  await add(writer.page, 20, 10);
  for (const { page } of [holder, listener]) await untilTold(page, 30);
  for (const { page } of [writer, listener, holder]) await page.close();
});
