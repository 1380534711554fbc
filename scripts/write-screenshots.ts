/**
 * Takes the pictures of the demo: `npm run build && node scripts/run.mjs scripts/write-screenshots.ts`. Writes `docs/screenshots`: the
 * first page and the results at three widths in both themes, and the moving picture `docs/demo.webp`. `--only 1440-dark` takes some,
 * `--to FOLDER` puts the pictures of pages elsewhere, and leaves the moving one. `--icons` writes the demo's icons from `icon.svg`, too.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { serveDemo } from "../tools/serve-demo.js";
import { animate, type Frame } from "./animated-webp.js";

const demo = fileURLToPath(new URL("../demo", import.meta.url));
const screenshots = fileURLToPath(new URL("../docs/screenshots", import.meta.url));
const picture = fileURLToPath(new URL("../docs/demo.webp", import.meta.url));
const filmed = { width: 1100, height: 720 };
const sizes = [
  { width: 390, height: 844 },
  { width: 820, height: 1180 },
  { width: 1440, height: 900 },
];
const question = "How can I avoid hurting wildlife?";

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Waits until every passage has its vector, so that the pictures show the page at rest. */
async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector("#model-pill")?.textContent === "Understands", undefined, { timeout: 300_000 });
  await page.locator("#map").scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector("#map-note")?.textContent?.startsWith("All"), undefined, { timeout: 60_000 });
  await page.locator("#progress").waitFor({ state: "hidden" });
  // What answers is loaded with the first question, whose time tells of that.
  await page.getByTestId("query").fill(question);
  await page.getByTestId("badge-vector").first().waitFor();
  await page.evaluate(() => scrollTo({ top: 0 }));
  return page;
}

async function take(page: Page, name: string, folder: string): Promise<void> {
  await page.getByTestId("query").fill("");
  await page.waitForFunction(() => document.body.dataset["view"] === "landing");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.mouse.move(0, 0);
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `landing-${name}.png`) });
  await page.getByTestId("query").fill(question);
  await page.getByTestId("badge-vector").first().waitFor();
  await page.getByTestId("why").first().locator("summary").click();
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `results-${name}.png`) });
}

/** The icons of the installed app. What a platform may mask to any shape has its drawing in the middle. */
async function writeIcons(context: BrowserContext): Promise<void> {
  const folder = join(demo, "public");
  const svg = await readFile(join(folder, "icon.svg"), "utf8");
  const page = await context.newPage();
  for (const [name, size, share] of [
    ["icon-192", 192, 1],
    ["icon-512", 512, 1],
    ["icon-maskable", 512, 0.75],
  ] as const) {
    await page.setViewportSize({ width: size, height: size });
    const edge = size * share;
    const ground = share === 1 ? "transparent" : "#0b5560";
    const body = `body{margin:0;height:${size}px;display:grid;place-items:center;background:${ground}}`;
    const style = `${body}svg{width:${edge}px;height:${edge}px}`;
    await page.setContent(`<style>${style}</style>${svg}`);
    await page.screenshot({ path: join(folder, `${name}.png`), omitBackground: true });
  }
  await page.close();
}

/** As a person would be filmed: a question typed, the reason opened, another question, two lists. */
async function film(page: Page): Promise<Frame[]> {
  await page.setViewportSize(filmed);
  await page.emulateMedia({ colorScheme: "light" });
  const frames: Frame[] = [];
  const shoot = async (ms: number): Promise<void> => {
    const png = (await page.screenshot()).toString("base64");
    frames.push({ webp: Buffer.from(await page.evaluate(toWebp, png), "base64"), ms });
  };
  await page.getByTestId("query").fill("");
  await page.waitForTimeout(500);
  await shoot(1600);
  for (const [asked, openWhy] of [
    [question, true],
    ["Is my work safe if the electricity goes?", false],
  ] as const) {
    for (let length = 8; length < asked.length; length += 9) {
      await page.getByTestId("query").fill(asked.slice(0, length));
      await page.waitForTimeout(350);
      await shoot(220);
    }
    await page.getByTestId("query").fill(asked);
    await page.waitForTimeout(700);
    await shoot(1500);
    if (!openWhy) continue;
    await page.getByTestId("why").first().locator("summary").click();
    await shoot(1700);
  }
  await page.getByTestId("mode-side").check({ force: true });
  await page.waitForTimeout(600);
  await shoot(2000);
  await page.getByTestId("mode-hybrid").check({ force: true });
  return frames;
}

/** Runs in the page: Chromium is at hand, and an encoder of WebP. */
async function toWebp(png: string): Promise<string> {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d")!.drawImage(picture, 0, 0);
  return canvas.toDataURL("image/webp", 0.6).split(",")[1]!;
}

async function takeAll(page: Page, folder: string): Promise<void> {
  const only = argument("--only");
  for (const viewport of sizes) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"] as const) {
      const name = `${viewport.width}-${colorScheme}`;
      if (only !== undefined && only !== name) continue;
      await page.emulateMedia({ colorScheme });
      await take(page, name, folder);
    }
  }
}

async function main(): Promise<void> {
  const folder = argument("--to") ?? screenshots;
  await mkdir(folder, { recursive: true });
  const server = await serveDemo();
  const profile = await createProfile();
  const context = await openBrowser(profile);
  try {
    if (process.argv.includes("--icons")) await writeIcons(context);
    const page = await open(context, server.url);
    await takeAll(page, folder);
    if (argument("--only") === undefined && folder === screenshots)
      await writeFile(picture, animate(await film(page), filmed.width, filmed.height));
  } finally {
    await context.close();
    await server.close();
    await removeProfile(profile);
  }
}

await main();
