/** The examples, each used as a person would. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright";
import { collectErrors, openBrowser } from "../../tools/browser/browser.js";
import { serveFolder } from "../../tools/browser/static-server.js";
import { type Apps, installExample, type Packed, run } from "./packed-app.js";
import { freePort, whileStatic } from "./serving-apps.js";

const patience = { timeout: 30_000 };

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
  "example: notes that answer, in React": async (packed) => {
    const app = await installExample(packed, "notes");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => visit(packed, url, askNotes));
  },
  "example: an extension that keeps pages": async (packed) => {
    const app = await installExample(packed, "page-keeper");
    await allowReading(app);
    await whileStatic(join(app, "pages"), (url) => keepPages(packed, app, url));
  },
  "example: an app that works offline, and updates": async (packed) => {
    const app = await installExample(packed, "offline");
    run(process.execPath, ["build.mjs"], app);
    await useOffline(packed, app);
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

async function askNotes(page: Page): Promise<void> {
  const tides = "# Harbour\n\nThe harbour dries out twice a day.\n\n# Office\n\nOur office moved to Oslo.\n";
  await page.getByText("0 passages").waitFor(patience);
  await page.getByLabel("Add text").setInputFiles({ name: "harbour.md", mimeType: "text/markdown", buffer: Buffer.from(tides) });
  await page.getByText("2 passages").waitFor(patience);
  await page.getByLabel("Question").fill("When is there no water for boats?");
  await page.locator("blockquote").first().getByText("The harbour dries out").waitFor(patience);
  await page.route("https://models.example/**", async (route) => {
    const { messages } = route.request().postDataJSON() as { messages: [{ content: string }] };
    const content = `You asked: ${messages[0].content.includes("[1] # Harbour") ? "of the harbour" : "without passages"}`;
    await route.fulfill({ json: { choices: [{ message: { content } }] }, headers: { "access-control-allow-origin": "*" } });
  });
  await page.getByLabel("Server of a model").fill("https://models.example");
  await page.getByRole("button", { name: "Answer" }).click();
  await page.getByText("You asked: of the harbour").waitFor(patience);
  await page.reload();
  await page.getByText("2 passages").waitFor(patience);
}

/** A person's click on the menu would allow it for one page; nobody can click there from outside. */
async function allowReading(app: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(app, "manifest.json"), "utf8")) as object;
  await writeFile(join(app, "manifest.json"), JSON.stringify({ ...manifest, host_permissions: ["http://localhost/*"] }));
  await mkdir(join(app, "pages"));
  await writeFile(join(app, "pages/index.html"), "<title>Tides</title><link rel=icon href=data:,><p>Spring tides follow the new moon.");
}

async function keepPages({ work }: Packed, app: string, url: string): Promise<void> {
  const context = await openBrowser(join(work, "page-keeper-profile"), { extensions: [app] });
  try {
    const background = context.serviceWorkers()[0] ?? (await context.waitForEvent("serviceworker"));
    const panel = await context.newPage();
    const errors = collectErrors(panel);
    await panel.goto(new URL("panel.html", background.url()).href);
    await panel.getByText("0 passages kept").waitFor(patience);
    await panel.getByLabel("Search").fill("moon");
    const page = await context.newPage();
    await page.goto(url);
    const kept = await background.evaluate(keepActiveTab);
    await panel.getByRole("link", { name: "Tides" }).waitFor(patience);
    await panel.close();
    const asked = await background.evaluate(askBackground, "tide");
    if (kept !== 1 || asked[0]?.title !== "Tides") throw new Error(`kept ${kept} passages, and found ${JSON.stringify(asked)}`);
    if (errors.length > 0) throw new Error(errors.join("\n"));
  } finally {
    await context.close();
  }
}

/** In the background. */
async function keepActiveTab(): Promise<number> {
  const { chrome, keepTab } = globalThis as unknown as {
    chrome: { tabs: { query(filter: object): Promise<{ id: number }[]> } };
    keepTab(id: number): Promise<number>;
  };
  const [tab] = await chrome.tabs.query({ url: "http://localhost/*" });
  return keepTab(tab!.id);
}

/** In the background. */
function askBackground(question: string): Promise<{ title: string }[]> {
  return (globalThis as unknown as { ask(question: string): Promise<{ title: string }[]> }).ask(question);
}

async function useOffline(packed: Packed, app: string): Promise<void> {
  const port = await freePort();
  const serve = () => serveFolder(join(app, "built"), { port });
  let server = await serve();
  const page = await packed.context.newPage();
  const holds = (text: string) => page.getByRole("listitem").filter({ hasText: text }).waitFor(patience);
  try {
    await page.goto(server.url);
    await page.getByText("Works without a network").waitFor(patience);
    await page.getByLabel("Entry").fill("Gale from the north");
    await page.getByRole("button", { name: "Keep" }).click();
    await holds("Gale from the north");

    await server.close();
    await page.reload();
    await holds("Gale from the north");
    await page.getByLabel("Entry").fill("Calm at night");
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByLabel("Search").fill("calm");
    await holds("Calm at night");

    const source = join(app, "app/index.html");
    await writeFile(source, (await readFile(source, "utf8")).replace("<h1>Logbook", "<h1>Logbook of the new version"));
    run(process.execPath, ["build.mjs"], app);
    server = await serve();
    await page.reload();
    await page.getByRole("heading", { name: "Logbook", exact: true }).waitFor(patience);
    await page.getByRole("button", { name: "Take it" }).click(patience);
    await page.getByRole("heading", { name: "Logbook of the new version" }).waitFor(patience);
    await holds("Calm at night");
  } finally {
    await page.close();
    await server.close().catch(() => undefined);
  }
}
