/** What is left in a page of clients that were opened and closed: no worker, no port, no listener. */
import type { CDPSession, Page } from "playwright";
import { expect, test } from "vitest";
import { can } from "../tools/browser/target.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";

type Records = typeof import("./pages/records.js");

const suite = useSuite(serveApp);
const KINDS = ["Worker", "SharedWorker", "MessagePort", "BroadcastChannel"] as const;

/** After a collection of garbage, of the page's objects those that hold on to something, and its listeners. */
async function leftIn(session: CDPSession): Promise<Record<string, number>> {
  await session.send("HeapProfiler.collectGarbage");
  const counts: Record<string, number> = {};
  for (const kind of KINDS) counts[kind] = await countOf(session, kind);
  return { ...counts, listeners: (await session.send("Memory.getDOMCounters")).jsEventListeners };
}

async function countOf(session: CDPSession, kind: string): Promise<number> {
  const { result } = await session.send("Runtime.evaluate", { expression: `${kind}.prototype`, objectGroup: "leaks" });
  const { objects } = await session.send("Runtime.queryObjects", { prototypeObjectId: result.objectId!, objectGroup: "leaks" });
  const { result: count } = await session.send("Runtime.callFunctionOn", {
    objectId: objects.objectId!,
    functionDeclaration: "function () { return this.length; }",
    returnByValue: true,
  });
  await session.send("Runtime.releaseObjectGroup", { objectGroup: "leaks" });
  return count.value as number;
}

function openAndClose(page: Page, cycles: number): Promise<void> {
  return page.evaluate(async (cycles) => {
    const { visit, recordsOf } = await load<Records>("records");
    for (let i = 0; i < cycles; i++) {
      await visit({ path: "leaks" }, async (collection, client) => {
        client.on("change", () => undefined);
        await collection.upsert(recordsOf(0, 10));
      });
    }
  }, cycles);
}

test.runIf(can("devtools"))("20 clients that were opened and closed leave nothing in the page", async () => {
  const page = await openTab(suite.context, suite.app);
  const session = await page.context().newCDPSession(page);
  await openAndClose(page, 3);
  const before = await leftIn(session);
  await openAndClose(page, 20);
  // What the last one had, such as its worker, is let go of a moment later. And what a page makes once for all its clients it may make
  // late: the port to the broker, and where a slice of work was long, the channel for turns, of two ports.
  const grown = async () => Object.entries(await leftIn(session)).filter(([kind, count]) => count > before[kind]! + 4);
  await expect.poll(grown, { timeout: 20_000, interval: 500 }).toEqual([]);
  await page.close();
});
