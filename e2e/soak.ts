/**
 * Mixed work from two tabs for a long time, in Chromium: `npm run soak -- [--minutes 10] [--cycles 500]`. Every ten seconds it
 * notes how long calls take and what is in use of memory and disk; at the end it opens and closes a database many times. Fails when
 * something grows that should not. Writes `soak.json` and `soak.svg` to `bench/results`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { Page } from "playwright";
import { chartSheet, linePanel } from "../bench/svg-chart.js";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { processesNaming } from "../tools/browser/processes.js";
import type { Times, Usage } from "./pages/soak.js";
import { openTab, serveApp } from "./support/app.js";

type Soak = typeof import("./pages/soak.js");

interface Sample extends Usage {
  minutes: number;
  readP50: number;
  readP99: number;
  writeP50: number;
  writeP99: number;
  /** JavaScript heaps of both pages, without their workers. */
  heapBytes: number;
  /** Resident bytes of all of the browser's renderers, workers and WebAssembly included. */
  residentBytes: number;
  /** Of the machine: calls take longer beside other work. */
  loadAverage: number;
}

interface Cycles {
  cycles: number;
  heapBytes: number;
  residentBytes: number;
}

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { minutes: { type: "string" }, cycles: { type: "string" } },
});
const minutes = Number(values.minutes ?? 10);
const cycles = Number(values.cycles ?? 500);
const everyMs = 10_000;
const MiB = 1024 * 1024;
const results = new URL("../bench/results/", import.meta.url);

function call<Name extends keyof Soak>(page: Page, name: Name, ...args: Parameters<Soak[Name]>): Promise<Awaited<ReturnType<Soak[Name]>>> {
  return page.evaluate(async ({ name, args }) => (await load<Record<string, (...args: unknown[]) => unknown>>("soak"))[name]!(...args), {
    name: name as string,
    args: args as (string | number)[],
  }) as Promise<Awaited<ReturnType<Soak[Name]>>>;
}

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

async function residentBytes(profile: string): Promise<number> {
  const renderers = (await processesNaming(profile)).filter(({ commandLine }) => commandLine.includes("--type=renderer"));
  const pages = await Promise.all(renderers.map(({ pid }) => readFile(`/proc/${pid}/statm`, "utf8").catch(() => "0 0")));
  return pages.reduce((sum, text) => sum + Number(text.split(" ")[1]) * 4096, 0);
}

function percentile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

async function sample(pages: readonly Page[], profile: string, begunMs: number): Promise<Sample> {
  const times: Times[] = await Promise.all(pages.map((page) => call(page, "takeTimes")));
  const [reads, writes] = [times.flatMap((each) => each.reads), times.flatMap((each) => each.writes)];
  const heaps = await Promise.all(pages.map(heapBytes));
  return {
    minutes: (Date.now() - begunMs) / 60_000,
    readP50: percentile(reads, 0.5),
    readP99: percentile(reads, 0.99),
    writeP50: percentile(writes, 0.5),
    writeP99: percentile(writes, 0.99),
    ...(await call(pages[0]!, "usage")),
    heapBytes: heaps.reduce((a, b) => a + b, 0),
    residentBytes: await residentBytes(profile),
    loadAverage: loadavg()[0]!,
  };
}

/** What grows, in words. The first third fills the database and is not compared. */
function judge(samples: readonly Sample[], cycled: readonly Cycles[]): string[] {
  const third = Math.ceil(samples.length / 3);
  const median = (key: keyof Sample, from: number, to: number): number =>
    percentile(
      samples.slice(from, to).map((each) => each[key]),
      0.5,
    );
  const grown = (["engineBytes", "heapBytes", "residentBytes", "blockBytesReserved", "originBytes"] as const).flatMap((key) => {
    const [before, after] = [median(key, third, 2 * third), median(key, 2 * third, samples.length)];
    return after > before * 1.25 + 16 * MiB ? [`${key} grew from ${Math.round(before)} to ${Math.round(after)}`] : [];
  });
  const slower = (["readP99", "writeP99"] as const).flatMap((key) => {
    const [before, after] = [median(key, third, 2 * third), median(key, 2 * third, samples.length)];
    return after > before * 1.5 + 5 ? [`${key} grew from ${before.toFixed(1)} to ${after.toFixed(1)} ms`] : [];
  });
  const [first, last] = [cycled[0], cycled.at(-1)];
  const perCycle = first && last && last !== first ? (last.heapBytes - first.heapBytes) / (last.cycles - first.cycles) : 0;
  return [...grown, ...slower, ...(perCycle > 2048 ? [`each cycle leaves ${Math.round(perCycle)} bytes on the heap`] : [])];
}

function draw(samples: readonly Sample[]): string {
  const panel = (title: string, yLabel: string, keys: readonly (keyof Sample)[], scale: number): ReturnType<typeof linePanel> =>
    linePanel({
      title,
      xLabel: "minutes",
      yLabel,
      xRange: [0, Math.max(minutes, samples.at(-1)?.minutes ?? 0)],
      series: keys.map((name, style) => ({ name, style, points: samples.map((each) => ({ x: each.minutes, y: each[name] / scale })) })),
    });
  const load = percentile(
    samples.map((each) => each.loadAverage),
    0.5,
  );
  return chartSheet({
    title: `Mixed work from two tabs, on ${availableParallelism()} cores with a load average of ${load.toFixed(1)}`,
    columns: 2,
    styles: [0, 1, 2],
    legend: [],
    panels: [
      panel("Reads: p50, p99", "ms", ["readP50", "readP99"], 1),
      panel("Writes: p50, p99", "ms", ["writeP50", "writeP99"], 1),
      panel("Memory: engine, page heaps, renderers", "MiB", ["engineBytes", "heapBytes", "residentBytes"], MiB),
      panel("Disk: blocks used, reserved, origin", "MiB", ["blockBytesUsed", "blockBytesReserved", "originBytes"], MiB),
    ],
  });
}

async function openAndClose(page: Page, profile: string): Promise<Cycles[]> {
  const noted: Cycles[] = [];
  const step = Math.max(1, Math.floor(cycles / 5));
  for (let done = step; done <= cycles; done += step) {
    await call(page, "cycle", "cycles", step);
    noted.push({ cycles: done, heapBytes: await heapBytes(page), residentBytes: await residentBytes(profile) });
  }
  return noted;
}

async function main(): Promise<boolean> {
  const [app, profile] = [await serveApp(), await createProfile()];
  const context = await openBrowser(profile);
  const pages = [await openTab(context, app), await openTab(context, app)];
  for (const page of pages) await call(page, "start", "soak");
  const samples: Sample[] = [];
  for (const begunMs = Date.now(); Date.now() < begunMs + minutes * 60_000; ) {
    await new Promise((resolve) => setTimeout(resolve, everyMs));
    samples.push(await sample(pages, profile, begunMs));
  }
  for (const page of pages) await call(page, "stop");
  const cycled = await openAndClose(pages[0]!, profile);
  const problems = judge(samples, cycled);
  await writeFile(new URL("soak.json", results), `${JSON.stringify({ minutes, problems, cycles: cycled, samples }, null, 1)}\n`);
  await writeFile(new URL("soak.svg", results), draw(samples));
  const last = samples.at(-1)!;
  process.stdout.write(
    `soak: ${minutes} minutes, reads p99 ${last.readP99.toFixed(1)} ms, writes p99 ${last.writeP99.toFixed(1)} ms, ` +
      `engine ${Math.round(last.engineBytes / MiB)} MiB, disk ${Math.round(last.blockBytesReserved / MiB)} MiB for ` +
      `${Math.round(last.blockBytesUsed / MiB)} used; ${cycled.at(-1)?.cycles ?? 0} cycles; ${problems.join("; ") || "nothing grows"}\n`,
  );
  await context.close();
  await app.close();
  await removeProfile(profile);
  return problems.length === 0;
}

process.exit((await main()) ? 0 : 1);
