/**
 * How long the demo's page is held at once, on a machine that is six times slower than a laptop of today: the tasks of its main thread
 * while a person visits, types and adds files. A loop in the page tells how much slower this machine is by itself; the browser does the
 * rest, to the page alone: engine, model and readers of files are as fast as they are here.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright";
import { createProfile, openBrowser, removeProfile } from "../../tools/browser/browser.js";
import { serveDemo } from "../../tools/serve-demo.js";
import { formatTable, significant } from "../format-table.js";
import { longTaskMs, type PageTask, tasksDuring } from "../page-tasks.js";
import type { Suite } from "./suite.js";

const slowdownAimedAt = 6;
/** What the loop of `timeLoop` takes on a laptop of today. */
const loopMsOfLaptop = 170;
const loopRuns = 3;
const keyMs = 120;
/** After a step, what it set off shall still be seen. */
const aftermathMs = 1500;
const patience = { timeout: 300_000 };
const longestShown = 6;

interface Step {
  step: string;
  tasks: number;
  longestMs: number;
  over50Ms: number;
  /** The longest of them. */
  long: PageTask[];
}

class Visit {
  readonly #page: Page;
  readonly #session: CDPSession;
  readonly #url: string;
  readonly #log: (text: string) => void;
  readonly steps: Step[] = [];

  constructor(page: Page, session: CDPSession, url: string, log: (text: string) => void) {
    this.#page = page;
    this.#session = session;
    this.#url = url;
    this.#log = log;
  }

  async step(name: string, body: (page: Page) => Promise<unknown>): Promise<void> {
    const tasks = await tasksDuring(this.#session, this.#url, async () => {
      await body(this.#page);
      await this.#page.waitForTimeout(aftermathMs);
    });
    const long = tasks.filter(({ ms }) => ms > longTaskMs);
    const step = {
      step: name,
      tasks: tasks.length,
      longestMs: tasks[0]?.ms ?? 0,
      over50Ms: long.length,
      long: long.slice(0, longestShown),
    };
    this.steps.push(step);
    this.#log(`${name}: longest task ${significant(step.longestMs)} ms, ${long.length} over ${longTaskMs} ms`);
    for (const task of step.long) this.#log(`  ${describeTask(task)}`);
  }
}

function describeTask({ ms, parts }: PageTask): string {
  return `${significant(ms)} ms: ${parts.map(({ name, ms }) => `${name} ${significant(ms)}`).join(", ")}`;
}

/** Milliseconds of a loop of 100 million multiplications, the fastest of some: what else the machine does shall not count. */
async function timeLoop(page: Page): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < loopRuns; run++) {
    times.push(
      await page.evaluate(() => {
        const started = performance.now();
        let product = 1;
        for (let turn = 0; turn < 1e8; turn++) product *= 1.000_000_01;
        // A product that nobody reads need not be worked out.
        return product > 0 ? performance.now() - started : 0;
      }),
    );
  }
  return Math.min(...times);
}

/** How much slower than a laptop the machine is by itself, and how many times slower the browser makes its page. */
interface Slowness {
  loopMs: number;
  own: number;
  rate: number;
}

async function slownessFor(page: Page, slowdown: number): Promise<Slowness> {
  const loopMs = await timeLoop(page);
  const own = loopMs / loopMsOfLaptop;
  return { loopMs, own, rate: Math.max(1, slowdown / own) };
}

function describeSlowness({ loopMs, own, rate }: Slowness): string {
  const machine = `a loop takes ${significant(loopMs)} ms, ${significant(own)} times as long as on a laptop`;
  return `${machine}; the page is slowed down ${significant(rate)} times more, ${significant(own * rate)} times in all`;
}

/** By the keyboard, since what a driver does inside the page would count. */
async function ask(page: Page, text: string): Promise<void> {
  await clear(page);
  await page.keyboard.type(text, { delay: keyMs });
}

/** Escape empties the search and goes there. */
const clear = (page: Page): Promise<void> => page.keyboard.press("Escape");

const choose = (page: Page, mode: "side" | "hybrid"): Promise<void> =>
  page.evaluate((mode) => document.querySelector<HTMLInputElement>(`[data-testid="mode-${mode}"]`)!.click(), mode);

/** As the browser's own dialog gives a file to the page. */
async function add(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { root } = await session.send("DOM.getDocument");
  const { nodeId } = await session.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#files" });
  // What is said of the file before.
  await page.evaluate(() => document.querySelector("#progress-text")!.replaceChildren());
  await session.send("DOM.setFileInputFiles", { files: [path], nodeId });
  await session.detach();
  await until(page, "#progress-text", "Added");
}

/** Looks now and then. */
async function until(page: Page, element: string, text: string): Promise<void> {
  const isSo = ({ element, text }: { element: string; text: string }): boolean =>
    document.querySelector(element)?.textContent.startsWith(text) ?? false;
  await page.waitForFunction(isSo, { element, text }, { ...patience, polling: 500 });
}

/** `count` records of a file, and so many that the demo generates. */
interface Amounts {
  count: number;
  generated: number;
}

async function visit(at: Visit, url: string, folder: string, { count, generated }: Amounts): Promise<void> {
  const file = async (name: string, text: string, times: number): Promise<string> => {
    await writeFile(join(folder, name), text.repeat(times));
    return join(folder, name);
  };
  const many = await file("many.jsonl", '{"text":"The sea comes in over the rocks, and the pools fill."}\n', count);
  const line = await file("line.txt", "The tide comes in over the rocks, and goes. ", 70_000);
  const word = await file("word.txt", "w", 1_000_000);
  await at.step("first visit, until all is read", async (page) => {
    await page.goto(url, patience);
    await until(page, "#model-pill", "Understands");
  });
  await at.step("a question is typed", (page) => ask(page, "How can I avoid hurting wildlife on the shore?"));
  await at.step("another, side by side", async (page) => {
    await choose(page, "side");
    await ask(page, "what keeps barnacles where they are");
    await choose(page, "hybrid");
  });
  await at.step(`${count.toLocaleString("en")} records of a file are added`, async (page) => {
    await clear(page);
    await add(page, many);
  });
  await at.step("a question is typed while passages are read", (page) => ask(page, "when does the sea cover the rocks"));
  await at.step("a file of one line of 3 MB", async (page) => {
    await clear(page);
    await add(page, line);
  });
  await at.step("a file of a word of 1 MB", (page) => add(page, word));
  await at.step("a question is typed beside them", (page) => ask(page, "the tide comes in"));
  await at.step(`${generated.toLocaleString("en")} generated records are stored and asked`, async (page) => {
    await page.goto(`${url}?records=${generated}`, patience);
    await until(page, "#speed-start", "Load");
    await page.evaluate(() => document.querySelector<HTMLElement>("#speed-start")!.click());
    await until(page, '[data-testid="speed-ask"]', "Ask again");
  });
}

function describe(steps: readonly Step[]): string {
  const rows = steps.map(({ step, tasks, longestMs, over50Ms }) => [step, `${tasks}`, significant(longestMs), `${over50Ms}`]);
  return formatTable([["step", "tasks", "longest ms", `over ${longTaskMs} ms`], ...rows]);
}

export const demoTasks: Suite = {
  async run({ quick, slowdown = slowdownAimedAt, log }) {
    const server = await serveDemo({ keepNames: true });
    const folder = await mkdtemp(join(tmpdir(), "tidepool-demo-tasks-"));
    const profile = await createProfile();
    const context = await openBrowser(profile, { browser: "chromium", viewport: { width: 1280, height: 800 } });
    try {
      const page = await context.newPage();
      await page.goto(`${server.url}theme.js`);
      const session = await context.newCDPSession(page);
      const slowness = await slownessFor(page, slowdown);
      log(describeSlowness(slowness));
      await session.send("Emulation.setCPUThrottlingRate", { rate: slowness.rate });
      const at = new Visit(page, session, server.url, log);
      await visit(at, server.url, folder, quick ? { count: 500, generated: 3000 } : { count: 5000, generated: 100_000 });
      const shown = (await page.locator("#speed-text :is(b, .figure span, .note)").allTextContents()).join(" ");
      const title = `The demo in Chromium, its scripts not minified, so that functions have names: ${describeSlowness(slowness)}`;
      const text = `${title}\n${describe(at.steps)}\nIt is fast: ${shown}`;
      return { text, data: { browser: "Chromium", ...slowness, steps: at.steps, shown } };
    } finally {
      await context.close();
      await server.close();
      await removeProfile(profile);
      await rm(folder, { recursive: true });
    }
  },
};
