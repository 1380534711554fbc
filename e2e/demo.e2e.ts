/**
 * The demo as a person uses it, in one Chromium with a profile on disk: the first visit, searching, filtering, adding
 * files, deleting, coming back. The tests follow each other like the visits of one person, on what the earlier ones left.
 * The page served is the built one, under its content security policy, from a host that knows nothing but files.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { build, createServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectErrors, createProfile, openBrowser, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { type StaticServer, serveFolder } from "../tools/browser/static-server.js";
import { expectNoViolations, strictPolicy } from "./support/strict-policy.js";

const demo = fileURLToPath(new URL("../demo", import.meta.url));
const patience = { timeout: 20_000 };

let folder: string;
let server: StaticServer;
let profile: string;
let context: BrowserContext;
let page: Page;
let errors: string[];
/** Requests of the page since it was ready. */
let requests: string[];
let bundled: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidepool-demo-"));
  await build({ root: demo, logLevel: "warn", build: { outDir: folder, emptyOutDir: true } });
  server = await serveFolder(folder, { headers: strictPolicy() });
  profile = await createProfile();
  context = await openBrowser(profile, { viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  errors = collectErrors(page);
});

afterAll(async () => {
  await context?.close();
  await server?.close();
  await removeProfile(profile);
  await rm(folder, { recursive: true, force: true });
  expectNoViolations(server);
});

const part = (testId: string) => page.getByTestId(testId);

/** Text of the only element with this test id. */
const textOf = async (testId: string): Promise<string> => (await part(testId).textContent()) ?? "";

const hitsOf = (list: "vector" | "text" | "browse") => part(`list-${list}`).getByTestId("hit");

async function records(): Promise<number> {
  return Number((await textOf("info-records")).replace(/\D/g, ""));
}

/** Waits until all panels show this many passages. */
async function untilStored(count: number): Promise<void> {
  await expect.poll(() => textOf("summary"), patience).toMatch(count === 0 ? /^(?!.*stored)/ : new RegExp(`· ${count} stored$`));
  await expect.poll(records, patience).toBe(count);
}

async function visit(): Promise<void> {
  await page.goto(server.url);
  await expect.poll(() => textOf("summary"), patience).toMatch(/passages? in/);
}

async function ask(query: string): Promise<void> {
  await part("query").fill(query);
}

async function addFile(name: string, content: string): Promise<void> {
  await part("files").setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from(content) });
}

test("the first visit stores the bundled passages, with progress in sight", async () => {
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { seenProgress: seen });
    new MutationObserver(() => {
      const text = document.querySelector("#progress:not([hidden]) p")?.textContent;
      if (text && seen.at(-1) !== text) seen.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await page.goto(server.url);
  await expect.poll(() => textOf("summary"), patience).toMatch(/stored$/);
  bundled = Number(/· (\d+) stored/.exec(await textOf("summary"))![1]);
  expect(bundled).toBeGreaterThanOrEqual(150);
  await untilStored(bundled);
  const seen = await page.evaluate(() => (globalThis as unknown as { seenProgress: string[] }).seenProgress);
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.at(-1)).toMatch(new RegExp(`^Done in .*${bundled} of ${bundled} passages$`));
  expect(await textOf("info-storage")).toContain("OPFS");
  expect(await textOf("info-kernel")).toContain("SIMD");
  await expect.poll(() => textOf("map-note"), patience).toContain("principal components");
  // From here on nothing may go over the network.
  requests = [];
  context.on("request", (request) => requests.push(request.url()));
});

test("searches as one types: both ways, by vector, by text", async () => {
  await part("query").pressSequentially("barnacle glue", { delay: 5 });
  await expect.poll(() => hitsOf("vector").count(), patience).toBe(10);
  await expect.poll(async () => (await hitsOf("vector").first().textContent()) ?? "", patience).toContain("Barnacles");
  expect(await hitsOf("text").first().textContent()).toContain("Barnacles");
  expect(await hitsOf("text").first().locator("mark").allTextContents()).toContain("barnacle");
  expect(await hitsOf("vector").first().locator("mark").count()).toBeGreaterThan(0);
  const distances = (await part("list-vector").getByTestId("distance").allTextContents()).map((text) => Number(/[\d.]+$/.exec(text)![0]));
  expect(distances).toEqual([...distances].sort((a, b) => a - b));
  const scores = (await part("list-text").getByTestId("score").allTextContents()).map((text) => Number(/[\d.]+$/.exec(text)![0]));
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(await textOf("ms-vector")).toMatch(/ms$/);

  await part("mode-vector").check({ force: true });
  await expect.poll(() => part("list-text").count(), patience).toBe(0);
  expect(await hitsOf("vector").count()).toBe(10);
  await part("mode-text").check({ force: true });
  await expect.poll(() => part("list-vector").count(), patience).toBe(0);
  expect(await hitsOf("text").count()).toBeGreaterThan(0);
  await part("mode-both").check({ force: true });
  await expect.poll(() => part("list-vector").count(), patience).toBe(1);
  expect(await part("calls").textContent()).toContain('queryTexts: ["barnacle glue"]');
});

test("finds in spite of a slip, and the neighbours of a hit", async () => {
  await ask("anemonee");
  await expect.poll(async () => (await hitsOf("text").first().textContent()) ?? "", patience).toMatch(/anemone/i);
  await hitsOf("text").first().getByTestId("similar").click();
  await expect.poll(() => textOf("summary"), patience).toContain("Similar to “");
  expect(await hitsOf("vector").first().getByTestId("distance").textContent()).toMatch(/ -?0\.000$/);
  await part("similar-clear").click();
  await expect.poll(() => part("list-browse").count(), patience).toBe(1);
});

test("filters by topic, tag, words, literal text and a filter of one's own", async () => {
  await ask("tide");
  await part("filter-topic").selectOption("Databases");
  await expect
    .poll(async () => new Set(await part("list-vector").locator(".topic").allTextContents()), patience)
    .toEqual(new Set(["Databases"]));
  await part("filter-tag").selectOption("recovery");
  await part("filter-words-max").fill("120");
  await expect.poll(() => textOf("filter-count"), patience).toBe("(3 active)");
  await expect.poll(async () => (await hitsOf("vector").allTextContents()).every((text) => text.includes("recovery")), patience).toBe(true);
  expect(await hitsOf("vector").count()).toBeGreaterThan(0);
  await part("filter-reset").click();

  await part("filter-contains").fill("BM25");
  await expect.poll(async () => (await hitsOf("vector").locator("mark").allTextContents()).includes("BM25"), patience).toBe(true);
  await part("filter-reset").click();

  await page.getByText("Your own where").click();
  await part("filter-where").fill('{ "words": { "$more": 3 } }');
  await expect.poll(() => textOf("filter-where-error"), patience).toContain("$more");
  await part("filter-where").fill('{ "$and": [{ "topic": "Tide pools" }, { "tags": { "$contains": "moon" } }] }');
  await expect
    .poll(async () => (await part("list-vector").locator(".hit-facts").allTextContents()).every((text) => text.includes("moon")), patience)
    .toBe(true);
  expect(await textOf("filter-where-error")).toBe("");
  await part("filter-reset").click();
  await expect.poll(() => textOf("filter-count"), patience).toBe("");
});

test("a chosen file and a dropped file are stored and found; a bad one is refused in words", async () => {
  await addFile("lighthouse.md", "# Lighthouse log\n\n## Fresnel [optics]\n\nThe zanzibar lens throws its beam twenty miles over the sea.");
  await untilStored(bundled + 1);
  await ask("zanzibar");
  await expect.poll(async () => (await hitsOf("text").first().textContent()) ?? "", patience).toContain("lighthouse.md");

  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["name,story,year\nAda,A quixotic keeper counts waves,1901\nBo,The lamp goes out,1902"], "keepers.csv"));
    return data;
  });
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await untilStored(bundled + 3);
  await ask("quixotic");
  await expect.poll(async () => (await hitsOf("text").first().textContent()) ?? "", patience).toContain("keepers.csv");

  await addFile("photo.png", "not really");
  await expect.poll(() => textOf("notice"), patience).toContain("photo.png is not a .txt");
  await part("notice").getByText("Dismiss").click();
  expect(await part("notice").count()).toBe(0);
});

test("a file added again replaces its passages", async () => {
  await addFile("keepers.csv", "name,story\nCy,A lamplighter sings");
  await untilStored(bundled + 2);
});

test("one passage is deleted and taken back, a source is deleted for good", async () => {
  await ask("lamplighter");
  await expect.poll(() => hitsOf("text").count(), patience).toBe(1);
  await hitsOf("text").first().getByTestId("delete").click();
  await untilStored(bundled + 1);
  await expect.poll(() => hitsOf("text").count(), patience).toBe(0);
  await part("undo").click();
  await untilStored(bundled + 2);

  await page.locator('[data-source="keepers.csv"]').getByTestId("delete-source").click();
  await part("confirm-yes").click();
  await untilStored(bundled + 1);
});

test("reload keeps everything and stores nothing anew", async () => {
  const before = requests.length;
  expect(before).toBe(0);
  await page.reload();
  await untilStored(bundled + 1);
  expect(await part("progress").isVisible()).toBe(false);
  await ask("zanzibar");
  await expect.poll(async () => (await hitsOf("text").first().textContent()) ?? "", patience).toContain("lighthouse.md");
});

test("another tab has all of it at once", async () => {
  const second = await context.newPage();
  await second.goto(server.url);
  await expect.poll(() => second.getByTestId("summary").textContent(), patience).toMatch(new RegExp(`· ${bundled + 1} stored$`));
  expect(await second.getByTestId("notice").count()).toBe(0);
  await second.close();
});

test("the keyboard is enough", async () => {
  await page.getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("/");
  await page.keyboard.type("moon");
  await expect.poll(() => hitsOf("vector").count(), patience).toBe(10);
  await expect.poll(async () => (await hitsOf("text").first().textContent()) ?? "", patience).toMatch(/moon/i);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.id ?? "");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toMatch(/^1\. /);
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toMatch(/^2\. /);
  await page.keyboard.press("ArrowRight");
  expect(await page.evaluate(() => document.activeElement?.closest('[data-testid="list-text"]') !== null)).toBe(true);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  expect(await focused()).toBe("query");
  await page.keyboard.press("Escape");
  expect(await part("query").inputValue()).toBe("");
});

test("a phone shows all of it without scrolling sideways", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await ask("moon");
  await expect.poll(() => hitsOf("vector").count(), patience).toBe(10);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("what was deleted stays away until it is asked for", async () => {
  await ask("");
  await part("delete-all").click();
  await part("confirm-yes").click();
  await untilStored(0);
  await visit();
  await untilStored(0);
  expect(await hitsOf("browse").count()).toBe(0);
  await part("restore").click();
  await untilStored(bundled);
});

test("no complaint reached the console", () => {
  expect(errors).toEqual([]);
});

test("a first visit that was cut short is made good by the next", async () => {
  const other = await createProfile();
  try {
    const first = await spawnBrowser(other);
    const cut = await first.context.newPage();
    let reached = (): void => undefined;
    const halfway = new Promise<void>((resolve) => (reached = resolve));
    await cut.exposeFunction("reportHalfway", () => reached());
    await cut.addInitScript(() => {
      const watch = new MutationObserver(() => {
        if (!/^Adding life/.test(document.querySelector("#progress-text")?.textContent ?? "")) return;
        watch.disconnect();
        (globalThis as unknown as { reportHalfway(): void }).reportHalfway();
      });
      watch.observe(document, { subtree: true, childList: true, characterData: true });
    });
    await cut.goto(server.url);
    await halfway;
    await first.kill();

    const second = await spawnBrowser(other);
    const again = await second.context.newPage();
    await again.goto(server.url);
    await expect.poll(() => again.getByTestId("summary").textContent(), patience).toMatch(new RegExp(`· ${bundled} stored$`));
    await second.close();
  } finally {
    await removeProfile(other);
  }
});

test("the page of npm start opens under the same policy", async () => {
  const vite = await createServer({ root: demo, logLevel: "error", server: { port: 0, watch: null } });
  await vite.listen();
  try {
    const own = await context.newPage();
    const ownErrors = collectErrors(own);
    await own.goto(vite.resolvedUrls!.local[0]!);
    await expect.poll(() => own.getByTestId("summary").textContent(), { timeout: 60_000 }).toMatch(/stored$/);
    expect(ownErrors).toEqual([]);
    await own.close();
  } finally {
    await vite.close();
  }
});
