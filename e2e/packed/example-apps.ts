/** The examples, each used as a person would. */

import type { Page } from "playwright";
import { collectErrors } from "../../tools/browser/browser.js";
import { type Apps, installExample, type Packed } from "./packed-app.js";
import { whileStatic } from "./serving-apps.js";

const patience = { timeout: 60_000 };

/** Opens a page, uses it, and fails if it complained. */
async function visit({ context }: Packed, url: string, use: (page: Page) => Promise<void>): Promise<void> {
  const page = await context.newPage();
  const errors = collectErrors(page);
  try {
    await page.goto(url);
    await use(page);
    if (errors.length > 0) throw new Error("the page complained");
  } catch (error) {
    throw new Error(
      [`${url}: ${error instanceof Error ? error.message : String(error)}`, await page.textContent("body"), ...errors].join("\n"),
    );
  } finally {
    await page.close();
  }
}

export const exampleApps: Apps = {
  "example: plain HTML from an import map": async (packed) => {
    const app = await installExample(packed, "import-map");
    await whileStatic(app, (url) => visit(packed, url, useHarbourNotes));
  },
  "example: a chromadb program, unchanged": async (packed) => {
    const app = await installExample(packed, "chromadb");
    await whileStatic(app, (url) => visit(packed, url, readProgram));
  },
};

async function useHarbourNotes(page: Page): Promise<void> {
  const first = page.getByRole("listitem").first();
  await first.getByText("The harbour dries out").waitFor(patience);
  await page.getByText("6 notes in opfs, searched with wasm-relaxed-simd").waitFor(patience);
  await page.getByLabel("Ask").fill("Where can I buy fuel?");
  await first.getByText("Diesel is sold").waitFor(patience);
}

/** What the program prints, but for the version. */
const printed = [
  "count 4",
  "near jaws, gale",
  "recent alone on the moon; love at high tide",
  "beach jaws, gale",
  "left jaws, moon, tide",
  "ChromaNotFoundError",
  "done",
];

async function readProgram(page: Page): Promise<void> {
  const output = page.getByRole("log");
  await output.getByText("done").waitFor(patience);
  const [version, ...lines] = ((await output.textContent()) ?? "").trim().split("\n");
  if (!version?.startsWith("version ") || lines.join() !== printed.join()) throw new Error(`the program printed ${lines.join("\n")}`);
}
