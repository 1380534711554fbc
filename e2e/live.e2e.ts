/** Live results in several tabs of an origin: what one writes another is told, whoever runs the engine, and when that changes hands. */
import type { Page } from "playwright";
import { expect, test } from "vitest";
import { openInOwnProcess } from "../tools/browser/page-process.js";
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
