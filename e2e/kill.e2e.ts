/**
 * The whole browser is killed in the middle of writing, again and again on one profile, and must come back with every
 * operation whose acknowledgement had left the page, and with no part of an operation.
 *
 * What counts as acknowledged is what this process heard of, through a function that the page calls: what the page alone
 * knew died with it. A kill does not lose what the kernel has, so this proves replay and recovery, not `flush`; that is
 * proven over storage that forgets what was not flushed.
 */
import type { Page } from "playwright";
import type { TidepoolClientOptions } from "tidepool-db";
import { afterEach, expect, test } from "vitest";
import { createProfile, removeProfile, type SpawnedBrowser, spawnBrowser } from "../tools/browser/browser.js";
import type { StaticServer } from "../tools/browser/static-server.js";
import type { Findings, Name, Reports } from "./pages/ingest.js";
import { createSettled, openTab, serveApp } from "./support/app.js";

type Event =
  | { kind: "acknowledged"; name: Name; operations: number }
  | { kind: "compacting" | "compacted" }
  | { kind: "failed"; message: string };

/** When the browser is killed. */
type Moment = "early" | "while compacting" | "after a compaction";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Counts what the page tells, and resolves once a condition on it holds. */
class Witness {
  readonly acknowledged: Record<Name, number>;
  readonly #seen = { compacting: 0, compacted: 0 };
  readonly #failed: string[] = [];
  #wake: () => void = () => {};

  constructor(acknowledged: Record<Name, number>) {
    this.acknowledged = { ...acknowledged };
  }

  hear(event: Event): void {
    if (event.kind === "acknowledged") this.acknowledged[event.name] = event.operations;
    else if (event.kind === "failed") this.#failed.push(event.message);
    else this.#seen[event.kind]++;
    this.#wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failed.length > 0) throw new Error(`The page failed: ${this.#failed.join("; ")}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async untilMoment(moment: Moment): Promise<void> {
    await this.#untilMore(8);
    if (moment === "while compacting") await this.until(() => this.#seen.compacting > 0);
    if (moment === "after a compaction") {
      await this.until(() => this.#seen.compacted > 0);
      await this.#untilMore(8);
    }
  }

  async #untilMore(operations: number): Promise<void> {
    const enough = this.acknowledged.large + operations;
    await this.until(() => this.acknowledged.large >= enough);
  }
}

async function startIngest(page: Page, options: TidepoolClientOptions, from: Record<Name, number>, witness: Witness): Promise<void> {
  await page.exposeFunction("tell", (event: Event) => witness.hear(event));
  await page.evaluate(
    async ({ options, from }) => {
      const { ingest } = await load<typeof import("./pages/ingest.js")>("ingest");
      const { tell } = globalThis as unknown as { tell(event: Event): void };
      const reports: Reports = {
        acknowledged: (name, operations) => tell({ kind: "acknowledged", name, operations }),
        compacting: () => tell({ kind: "compacting" }),
        compacted: () => tell({ kind: "compacted" }),
        failed: (message) => tell({ kind: "failed", message }),
      };
      void ingest(options, from, reports);
    },
    { options, from },
  );
}

function inspect(page: Page, options: TidepoolClientOptions): Promise<Record<Name, Findings>> {
  return page.evaluate(async (options) => (await load<typeof import("./pages/ingest.js")>("ingest")).inspect(options), options);
}

function use(page: Page, options: TidepoolClientOptions, operations: Record<Name, number>): Promise<string[]> {
  return page.evaluate(
    async ({ options, operations }) => (await load<typeof import("./pages/ingest.js")>("ingest")).use(options, operations),
    { options, operations },
  );
}

interface Setting {
  storage: "opfs" | "indexeddb";
  durability: "strict" | "relaxed";
  /** Whether manifests are published at once, and not only when the arenas are a minute old. */
  settled: boolean;
  moments: Moment[];
}

// Torture ends browsers at many more moments; these are the ones that matter by themselves.
test.each<Setting>([
  { storage: "opfs", durability: "strict", settled: true, moments: ["while compacting"] },
  { storage: "opfs", durability: "relaxed", settled: false, moments: ["early"] },
  { storage: "indexeddb", durability: "strict", settled: true, moments: ["after a compaction"] },
])(
  "nothing acknowledged is lost to kills: $storage, $durability, arenas settled: $settled",
  async ({ storage, durability, settled, moments }) => {
    const app: StaticServer = await serveApp();
    cleanups.push(() => app.close());
    const profile = await createProfile();
    cleanups.push(() => removeProfile(profile));
    const options: TidepoolClientOptions = { path: "kill", storage, durability };

    let browser: SpawnedBrowser = await spawnBrowser(profile);
    cleanups.push(() => browser.close());
    let page = await openTab(browser.context, app);
    if (settled) await createSettled(page, options);
    let operations: Record<Name, number> = { large: 0, small: 0 };
    for (const moment of moments) {
      const witness = new Witness(operations);
      await startIngest(page, options, operations, witness);
      await witness.untilMoment(moment);
      await browser.kill();

      browser = await spawnBrowser(profile);
      page = await openTab(browser.context, app);
      const findings = await inspect(page, options);
      const at = `${moment}: ${JSON.stringify(witness.acknowledged)} acknowledged, found ${JSON.stringify(findings)}`;
      for (const name of ["large", "small"] as const) {
        expect(findings[name].difference, at).toBeNull();
        expect(findings[name].operations, at).toBeGreaterThanOrEqual(witness.acknowledged[name]);
        operations = { ...operations, [name]: findings[name].operations! };
      }
      expect(await use(page, options, operations), at).toEqual([]);
      await page.close();
      page = await openTab(browser.context, app);
    }
  },
);
