/**
 * Writes `docs/screenshots/inspector-*.png`: the views of the inspector, at three widths in both themes. After a build:
 * `node scripts/run.mjs e2e/write-inspector-screenshots.ts [folder]`.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import type * as Inspector from "./pages/inspector.js";
import { createSettled, openTab, serveApp } from "./support/app.js";

const folder = process.argv[2] ?? fileURLToPath(new URL("../docs/screenshots", import.meta.url));

const open = (page: Page, name: RegExp) => page.getByRole("button", { name }).first().click();
const tab = (page: Page, name: string) => page.getByRole("tab", { name }).click();

/** What is shown, by the name of the picture; one after the other in one page. */
const views: Record<string, (page: Page) => Promise<unknown>> = {
  storage: async (page) => {
    await open(page, /^Vacuum$/);
    await page.getByText(/reserved, .* used$/).waitFor();
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.locator(".arenas li").first().waitFor();
  },
  records: async (page) => {
    await open(page, /^field-notes/);
    await page.getByRole("button", { name: "note-004", exact: true }).click();
    await page.getByRole("complementary", { name: "Record note-004" }).getByRole("textbox").first().waitFor();
  },
  query: async (page) => {
    await page.getByRole("button", { name: "Close the record" }).click();
    await tab(page, "Query");
    await page.getByRole("searchbox").fill("dunlin wet mud");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("region", { name: "Results", exact: true }).waitFor();
    // The first call of all loads what answers it, and its time tells of that.
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("button", { name: "Run", exact: true, disabled: false }).waitFor();
  },
  versions: (page) => tab(page, "Versions and forks"),
  index: async (page) => {
    await tab(page, "Index");
    await page.getByRole("button", { name: "Check recall" }).click();
    await page.getByText("Smallest breadth for 0.95").waitFor();
  },
  schema: async (page) => {
    await page.getByRole("button", { name: "Dismiss" }).click();
    await tab(page, "Schema");
  },
};

const sizes = [
  { width: 1440, height: 900 },
  { width: 820, height: 1180 },
  { width: 390, height: 844 },
];

async function take(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `inspector-${name}-${page.viewportSize()!.width}-${colorScheme}.png`) });
  }
}

await mkdir(folder, { recursive: true });
const app = await serveApp();
const profile = await createProfile();
const context = await openBrowser(profile);
const first = await openTab(context, app);
await createSettled(first, { path: "shore" });
await first.evaluate(async () => (await load<typeof Inspector>("inspector")).seed({ path: "shore" }));
await first.close();
for (const size of sizes) {
  const page = await openTab(context, app);
  await page.setViewportSize(size);
  await page.evaluate(async () => (await load<typeof Inspector>("inspector")).showPath("shore"));
  for (const [name, show] of Object.entries(views)) {
    await show(page);
    await take(page, name);
  }
  await page.close();
}
await context.close();
await removeProfile(profile);
await app.close();
