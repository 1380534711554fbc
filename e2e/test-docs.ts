/**
 * The documentation as a site: built, served from a folder, and read in a browser. The search must find what a reader asks, by the
 * package itself, from the keyboard. One line per check; the command fails if any does. Pictures go to `.cache/docs`.
 *
 * Usage: node scripts/run.mjs e2e/test-docs.ts [--built: take the site as it lies there]
 */
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { collectErrors, createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { serveFolder } from "../tools/browser/static-server.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const site = join(root, "docs/site/dist");
const pictures = join(root, ".cache/docs");

function build(): void {
  const { status } = spawnSync(process.execPath, [join(root, "docs/site/build.mjs")], { stdio: "inherit" });
  if (status !== 0) throw new Error(`the site was not built: ${status}`);
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

async function whilePage(context: BrowserContext, url: string, check: (page: Page) => Promise<void>): Promise<void> {
  const page = await context.newPage();
  const errors = collectErrors(page);
  try {
    await page.goto(url);
    await check(page);
    expectEqual(errors, []);
  } finally {
    await page.close();
  }
}

/** Opens the search by its key, types, and waits for the first hit. */
async function search(page: Page, words: string): Promise<void> {
  await page.locator("html").press("/");
  await page.getByRole("combobox", { name: "Search for" }).fill(words);
  await page.getByRole("option").first().waitFor();
}

const questions = {
  "the disk is full": /durability|offline|errors/,
  "side panel": /extensions/,
  reembed: /embeddings|choosing|Collection/,
  "exact serach": /vector-search|querying|benchmarks/,
};

const checks: Record<string, (context: BrowserContext, url: string) => Promise<void>> = {
  "the search finds, by the keyboard alone": async (context, url) => {
    await whilePage(context, url, async (page) => {
      for (const [words, where] of Object.entries(questions)) {
        await search(page, words);
        await page.keyboard.press("Enter");
        await page.getByRole("dialog").waitFor({ state: "hidden" });
        const isThere = await page
          .waitForFunction((pattern) => new RegExp(pattern).test(location.pathname), where.source, { timeout: 30_000 })
          .then(
            () => true,
            () => false,
          );
        if (!isThere) throw new Error(`${words} led to ${page.url()}`);
      }
    });
  },
  "nothing is loaded for the search before somebody searches": async (context, url) => {
    await whilePage(context, url, async (page) => {
      const loaded = () =>
        page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => /tidepool\/|search\.json/.test(name)).length);
      expectEqual(await loaded(), 0);
      await search(page, "tides");
      expectEqual((await loaded()) > 2, true);
    });
  },
  "a symbol has its page, and the page its example": async (context, url) => {
    await whilePage(context, `${url}reference/tidepool-db/classes/Collection.html`, async (page) => {
      await page
        .getByRole("heading", { name: /hybrid/ })
        .first()
        .waitFor();
      await page.getByRole("link", { name: "TidepoolClient" }).first().waitFor();
    });
  },
  "llms.txt lists every page, and the pages are there": async () => {
    const list = await readFile(join(site, "llms.txt"), "utf8");
    const pages = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md") && name !== "index.md");
    const listed = [...list.matchAll(/\]\(\/([^)]+)\)/g)].map((match) => match[1]!);
    expectEqual(listed.sort(), pages.sort());
    const whole = await readFile(join(site, "llms-full.txt"), "utf8");
    for (const page of pages) expectEqual(whole.includes(await readFile(join(site, page), "utf8").then((text) => text.slice(0, 20))), true);
  },
};

const shown = ["", "getting-started.html", "errors.html", "reference/tidepool-db/classes/Collection.html"];

/** For somebody to look at; but that nothing stands beyond a page's edge needs nobody. */
async function takePictures(url: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [390, 820, 1440]) {
      const profile = await createProfile();
      const context = await openBrowser(profile, { colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      for (const path of shown) {
        await page.goto(url + path);
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (beyond > 0) throw new Error(`${path} is ${beyond} px wider than ${width} px`);
        await page.screenshot({ path: join(pictures, `${path.replace(/\W+/g, "-") || "home"}-${width}-${colorScheme}.png`) });
      }
      await search(page, "how do I keep data when the disk is full");
      await page.screenshot({ path: join(pictures, `search-${width}-${colorScheme}.png`) });
      await context.close();
      await removeProfile(profile);
    }
  }
}

async function main(): Promise<number> {
  if (!process.argv.includes("--built")) build();
  const server = await serveFolder(site);
  const profile = await createProfile();
  const context = await openBrowser(profile);
  let failed = 0;
  try {
    for (const [name, check] of Object.entries(checks)) {
      const error = await check(context, server.url).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error !== null) failed += 1;
      process.stdout.write(
        error === null ? `ok      ${name}\n` : `FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}\n`,
      );
    }
    await takePictures(server.url);
  } finally {
    await context.close();
    await removeProfile(profile);
    await server.close();
  }
  const count = Object.keys(checks).length;
  process.stdout.write(`docs: ${count - failed} of ${count} checks passed\n`);
  return failed;
}

if ((await main()) > 0) process.exitCode = 1;
