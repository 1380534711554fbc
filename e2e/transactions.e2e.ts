/**
 * Conditional transactions of several tabs on one database: one of two that depend on each other wins, whoever has the engine and
 * whoever goes meanwhile, and a commit of which nobody heard the end takes effect once.
 */
import type { Page } from "playwright";
import type { ConditionalTransaction } from "tidepool-db";
import { expect, test } from "vitest";
import { type OwnPage, openInOwnProcess } from "../tools/browser/page-process.js";
import { openTab, serveApp } from "./support/app.js";
import { useSuite } from "./support/suite.js";
import { type Ending, end, joinTab, openIn, untilStandby } from "./support/tabs.js";

type Records = typeof import("./pages/records.js");

declare global {
  /** In the page: what one evaluation leaves for the next. */
  var txn: ConditionalTransaction;
  var late: ConditionalTransaction;
  var committing: Promise<unknown>;
  var goOn: () => void;
}

const suite = useSuite(serveApp);

/** A holder in a process of its own, a follower that stands by, and three records with n = 0. */
async function twoTabs(path: string): Promise<{ holder: OwnPage; other: Page }> {
  const holder = await openInOwnProcess(suite.profile, () => openTab(suite.context, suite.app));
  await openIn(holder.page, path);
  const { page: other } = await joinTab(suite, path);
  await untilStandby(holder.page, path);
  await other.evaluate(async () => {
    const { embeddingOf } = await load<Records>("records");
    await collection.add({ ids: ["a", "b", "c"], embeddings: [0, 1, 2].map(embeddingOf), metadatas: [{ n: 0 }, { n: 0 }, { n: 0 }] });
  });
  return { holder, other };
}

function numbersOf(page: Page): Promise<unknown[]> {
  return page.evaluate(async () => (await collection.get({ ids: ["a", "b", "c"] })).metadatas.map((metadata) => metadata!["n"]));
}

/** Begins a transaction that has read a record and will write it. */
function begin(page: Page, id: string, n: number): Promise<void> {
  return page.evaluate(
    async ([id, n]) => {
      globalThis.txn = collection.conditional();
      await txn.get({ ids: [id] });
      await txn.update({ ids: [id], metadatas: [{ n }] });
    },
    [id, n] as const,
  );
}

async function commit(page: Page): Promise<unknown> {
  return page.evaluate(async () => {
    let committed: unknown = null;
    const error = await (await load<Records>("records")).rejection(txn.commit().then((result) => (committed = result)));
    return error === null ? committed : error.code;
  });
}

test("of transactions in two tabs that read the same record one wins, and others go on beside it", async () => {
  const { holder, other } = await twoTabs("conflict");
  for (const [first, second] of [
    [holder.page, other],
    [other, holder.page],
  ] as const) {
    const [before] = (await numbersOf(first)) as [number];
    await Promise.all([begin(first, "a", before + 1), begin(second, "a", -1)]);
    expect(await commit(first)).toMatchObject({ record_count: 1 });
    expect(await commit(second)).toBe("CONFLICT");
    expect(await numbersOf(second)).toEqual([before + 1, 0, 0]);
  }
  await Promise.all([begin(holder.page, "b", 7), begin(other, "c", 8)]);
  const committed = await Promise.all([commit(holder.page), commit(other)]);
  expect(committed).toEqual([expect.objectContaining({ record_count: 1 }), expect.objectContaining({ record_count: 1 })]);
  for (const page of [holder.page, other]) expect(await numbersOf(page)).toEqual([2, 7, 8]);
  for (const page of [other, holder.page]) await page.close();
});

test("run begins again with what another tab has written, and no increment is lost", async () => {
  const { holder, other } = await twoTabs("run");
  // The first try has read when the other tab writes.
  const waiting = other.evaluate(() => {
    const gate = new Promise<void>((resolve) => (globalThis.goOn = resolve));
    return new Promise<void>((read) => {
      const seen: unknown[] = [];
      globalThis.committing = collection
        .conditional()
        .run(async (txn) => {
          const { metadatas } = await txn.get({ ids: ["a"] });
          const n = metadatas[0]!["n"] as number;
          seen.push(n);
          read();
          await gate;
          await txn.update({ ids: ["a"], metadatas: [{ n: n + 1 }] });
        })
        .then(() => seen);
    });
  });
  await waiting;
  await holder.page.evaluate(() => collection.update({ ids: ["a"], metadatas: [{ n: 10 }] }));
  expect(
    await other.evaluate(() => {
      goOn();
      return committing;
    }),
  ).toEqual([0, 10]);
  const increments = (page: Page): Promise<void> =>
    page.evaluate(async () => {
      const increment = async (txn: ConditionalTransaction): Promise<void> => {
        const { metadatas } = await txn.get({ ids: ["a"] });
        await txn.update({ ids: ["a"], metadatas: [{ n: (metadatas[0]!["n"] as number) + 1 }] });
      };
      for (let i = 0; i < 20; i++) await collection.conditional().run(increment, 1000);
    });
  await Promise.all([increments(holder.page), increments(other)]);
  for (const page of [holder.page, other]) expect(await numbersOf(page)).toEqual([51, 0, 0]);
  for (const page of [other, holder.page]) await page.close();
});

test.each<Ending>(["close", "crash", "terminate"])(
  "when the holder ends between read and commit (%s), the next one decides by what was written since the read",
  async (how) => {
    const { holder, other } = await twoTabs(`between-${how}`);
    await other.evaluate(async () => {
      globalThis.late = collection.conditional();
      await late.get({ ids: ["b"] });
      await late.update({ ids: ["b"], metadatas: [{ n: -1 }] });
    });
    await begin(other, "a", 1);
    await holder.page.evaluate(() => collection.update({ ids: ["b"], metadatas: [{ n: 5 }] }));
    await end(holder, how);
    expect(await commit(other)).toEqual({ first_inserted_record_offset: 3, record_count: 1 });
    const conflict = await other.evaluate(async () => (await load<Records>("records")).rejection(late.commit()));
    expect(conflict).toMatchObject({ code: "CONFLICT" });
    expect(await numbersOf(other)).toEqual([1, 5, 0]);
    expect(await other.evaluate(async () => (await client.info()).role)).toBe("holder");
    await other.close();
    if (how !== "close") await holder.page.close();
  },
);

test.each(["written", "unwritten"] as const)(
  "a commit whose answer never came, since the holder went when it was %s, takes effect once",
  async (what) => {
    const { holder, other } = await twoTabs(`unheard-${what}`);
    await begin(other, "a", 1);
    await other.evaluate(() => txn.upsert({ ids: ["d"], embeddings: [new Float32Array(256)], metadatas: [{ n: 1 }] }));
    const lost = holder.page.evaluate(async (what) => {
      const said = new Promise((resolve) => new BroadcastChannel("hanging").addEventListener("message", ({ data }) => resolve(data)));
      workers.at(-1)!.postMessage({ lose: what });
      return said;
    }, what);
    // It is told to lose a write before there is one.
    await holder.page.evaluate(() => client.heartbeat());
    await other.evaluate(() => void (globalThis.committing = txn.commit()));
    expect(await lost).toBe(what);
    await end(holder, "terminate");
    expect(await other.evaluate(() => committing)).toEqual({ first_inserted_record_offset: 2, record_count: 2 });
    const next = await other.evaluate(() =>
      collection
        .conditional()
        .run(async (txn) => txn.upsert({ ids: ["e"], embeddings: [new Float32Array(256)] }))
        .then(() => collection.getIndexingStatus()),
    );
    expect(next).toMatchObject({ total_ops: 3 });
    expect(await numbersOf(other)).toEqual([1, 0, 0]);
    expect(await commit(other)).toBe("INVALID_ARGUMENT");
    for (const page of [other, holder.page]) await page.close();
  },
);
