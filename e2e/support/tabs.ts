/** Tabs that have one database open: in each the client, a collection and the workers that it started are globals; and how they end. */
import type { Page } from "playwright";
import type { Collection, TidepoolClient } from "tidepool-db";
import { killPage, type OwnPage } from "../../tools/browser/page-process.js";
import { openTab, untilReady } from "./app.js";
import type { Suite } from "./suite.js";

type Records = typeof import("../pages/records.js");

declare global {
  /** In the page: what one evaluation leaves for the next. */
  var client: TidepoolClient;
  var collection: Collection;
  var writing: Promise<unknown>;
  var written: number;
  var workers: Worker[];
}

/** A tab with the database open; its role. */
export async function joinTab(suite: Suite, path: string): Promise<{ page: Page; role: string }> {
  const page = await openTab(suite.context, suite.app);
  return { page, role: await openIn(page, path) };
}

export function openIn(page: Page, path: string): Promise<string> {
  return page.evaluate(async (path) => {
    const { open } = await load<Records>("records");
    globalThis.workers = [];
    const worker = (): Worker => {
      workers.push(new Worker("./hanging.js", { type: "module" }));
      return workers.at(-1)!;
    };
    globalThis.client = new tidepool.TidepoolClient({ path, worker });
    globalThis.collection = await open(client);
    return (await client.info()).role;
  }, path);
}

/** Once a worker of another tab waits for the lease. */
export async function untilStandby(page: Page, path: string): Promise<void> {
  await page.waitForFunction(
    async (name) => (await navigator.locks.query()).pending!.some((lock) => lock.name === name),
    `tidepool:${path}`,
  );
}

export type Ending = "close" | "crash" | "terminate" | "reload" | "client.close";

export async function end({ page, pids }: OwnPage, how: Ending): Promise<void> {
  if (how === "close") return page.close();
  if (how === "reload") return page.reload().then(() => untilReady(page));
  if (how === "terminate") return page.evaluate(() => workers.at(-1)!.terminate());
  if (how === "client.close") return page.evaluate(() => client.close());
  return killPage({ page, pids });
}
