/**
 * The inspector as a person uses it, by what stands on its controls, in a page under a strict policy. Each test has a database of
 * its own. What screen readers are told is held to axe's rules in each view.
 */
import { readFile } from "node:fs/promises";
import axe from "axe-core";
import type { Locator, Page } from "playwright";
import { afterEach, expect, test } from "vitest";
import { collectErrors } from "../tools/browser/browser.js";
import { isTriedIn } from "../tools/browser/left-out.mjs";
import { capabilities, target } from "../tools/browser/target.js";
import { serveDemo } from "../tools/serve-demo.js";
import type * as Inspector from "./pages/inspector.js";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { expectNoViolations, strictPolicy } from "./support/strict-policy.js";
import { useSuite } from "./support/suite.js";

const suite = useSuite(() => serveApp());
const patience = { timeout: 20_000 };
let opened: { page: Page; errors: string[] }[] = [];

afterEach(async () => {
  const errors = opened.flatMap(({ errors }) => errors);
  await Promise.all(opened.map(({ page }) => page.close()));
  opened = [];
  expect(errors).toEqual([]);
});

async function tabWith(path: string, prepare: "seed" | "nothing"): Promise<Page> {
  const page = await openTab(suite.context, suite.app);
  opened.push({ page, errors: collectErrors(page) });
  const inspector = { path, isSeeded: prepare === "seed" };
  await page.evaluate(async ({ path, isSeeded }) => {
    const { seed, showClient } = await load<typeof Inspector>("inspector");
    if (isSeeded) await seed({ path });
    await showClient({ path, retainVersions: 3 });
  }, inspector);
  return page;
}

/** Makes a database that is old enough to publish what it compacts, and to restore at once. */
async function settle(path: string): Promise<void> {
  const page = await openTab(suite.context, suite.app);
  await createSettled(page, { path, retainVersions: 3 });
  await page.close();
}

const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, ...(typeof name === "string" && { exact: true }) });
const tree = (page: Page) => page.getByRole("navigation", { name: "Databases" });
const dialog = (page: Page) => page.getByRole("dialog");
const detail = (page: Page) => page.getByRole("complementary");
const rows = (page: Page) => page.locator("tbody th button");
const says = (page: Page, text: string | RegExp) =>
  expect.poll(() => page.locator(".notice span, .total").allTextContents(), patience).toContainEqual(expect.stringMatching(text));

async function openCollection(page: Page, name: string): Promise<void> {
  await tree(page)
    .getByRole("button", { name: new RegExp(`^${name}`) })
    .click();
  await page.getByRole("heading", { name, level: 2 }).waitFor();
}

/** Firefox's driver puts what is filled in behind the number that is there. */
async function fillNumber(field: Locator, value: number): Promise<void> {
  await field.fill("");
  await field.evaluate((input: HTMLInputElement) => input.select());
  await field.pressSequentially(String(value));
}

/** All that axe finds wrong. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document.querySelector("tidepool-inspector")!);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
  });
  return found;
}

test("makes, renames and deletes collections and databases, after a question", async () => {
  const page = await tabWith("tree", "nothing");
  await button(page, "New collection").click();
  await dialog(page).getByLabel("Name").fill("pools");
  await dialog(page).getByLabel("Distance").selectOption("cosine");
  await dialog(page).getByLabel("Metadata, as JSON").fill('{ "language": "en" }');
  await button(page, "Create").click();
  await page.getByRole("heading", { name: "pools", level: 2 }).waitFor();
  expect(await page.locator("header .facts").textContent()).toContain("cosine");

  await button(page, "Rename").click();
  await dialog(page).getByLabel("Name").fill("rock-pools");
  await dialog(page).getByRole("button", { name: "Rename" }).click();
  await page.getByRole("heading", { name: "rock-pools", level: 2 }).waitFor();
  await tree(page)
    .getByRole("button", { name: /^rock-pools/ })
    .waitFor();

  await button(page, "Delete collection").click();
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  await button(page, "Delete collection").click();
  await dialog(page).getByRole("button", { name: "Delete collection" }).click();
  await says(page, "Deleted the collection rock-pools");
  await tree(page).getByText("No collections.").waitFor();

  await tree(page).getByText("More").click();
  await button(page, "New database").click();
  await dialog(page).getByLabel("Name").fill("winter");
  await button(page, "Create").click();
  await expect.poll(() => tree(page).getByRole("button", { name: "winter" }).getAttribute("aria-expanded"), patience).toBe("true");
  await tree(page).getByText("More").click();
  await button(page, "Delete this database").click();
  await dialog(page).getByRole("button", { name: "Delete database" }).click();
  await expect.poll(() => tree(page).getByRole("button", { name: "winter" }).count(), patience).toBe(0);
});

test("says why a name is refused, and keeps the dialog", async () => {
  const page = await tabWith("refused", "nothing");
  await button(page, "New collection").click();
  await dialog(page).getByLabel("Name").fill("a b");
  await button(page, "Create").click();
  await page.getByRole("alert").filter({ hasText: "INVALID_ARGUMENT" }).waitFor();
  expect(await dialog(page).count()).toBe(1);
});

test("scrolls through a hundred thousand records with a screenful of rows", async () => {
  const page = await tabWith("many", "nothing");
  await page.evaluate(async () => {
    const { seedMany } = await load<typeof Inspector>("inspector");
    await seedMany(inspected, 100_000, "buoys");
  });
  await openCollection(page, "buoys");
  await says(page, /^100,000 records$/);
  await rows(page).first().waitFor();
  expect(await page.getByRole("table").getAttribute("aria-rowcount")).toBe("100001");
  await page.locator(".scroller").evaluate((scroller) => scroller.scrollTo(0, scroller.scrollHeight));
  await button(page, "reading-99999").waitFor(patience);
  expect(await page.locator("tbody tr").count()).toBeLessThan(60);
  await page.locator(".scroller").evaluate((scroller) => scroller.scrollTo(0, scroller.scrollHeight / 2));
  await expect.poll(() => rows(page).first().textContent(), patience).toMatch(/^reading-(?:49|50)\d{3}$/);
  const [first] = await rows(page).allTextContents();
  await button(page, first!).focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await detail(page)
    .getByRole("heading", { name: `reading-${Number(first!.slice(8)) + 1}` })
    .waitFor();
});

test("filters by JSON, with what is wrong at its place", async () => {
  const page = await tabWith("filters", "seed");
  await openCollection(page, "field-notes");
  await says(page, /^240 records$/);
  await page.getByText("Filter", { exact: true }).click();
  const [where, whereDocument] = [
    page.getByRole("textbox", { name: "where", exact: true }),
    page.getByRole("textbox", { name: "whereDocument" }),
  ];
  await where.fill('{ "topic": \n tides }');
  await page.getByRole("alert").filter({ hasText: "Line 2, column 2" }).waitFor();
  expect(await button(page, "Apply").isDisabled()).toBe(true);
  await button(page, "Go there").click();
  expect(await where.evaluate((area: HTMLTextAreaElement) => area.selectionStart)).toBe(13);
  await where.fill('{ "topic": { "$near": "tides" } }');
  await button(page, "Apply").click();
  await page.locator(".filter .fault").filter({ hasText: "$near" }).waitFor();
  await where.fill('{ "topic": "tides" }');
  await whereDocument.fill('{ "$contains": "Observation 1" }');
  await button(page, "Apply").click();
  await says(page, /^\d+ records match$/);
  expect(await rows(page).first().textContent()).toBe("note-010");
  await button(page, "Delete matching").click();
  await dialog(page)
    .getByRole("button", { name: /^Delete \d+ records$/ })
    .click();
  await says(page, /^Deleted \d+ records$/);
  await says(page, /^0 records match$/);
});

test("chooses columns, and orders by a metadata key", async () => {
  const page = await tabWith("columns", "seed");
  await openCollection(page, "field-notes");
  await rows(page).first().waitFor();
  const headings = () => page.locator("thead th").allTextContents();
  expect(await headings()).toEqual(["ID", "Document", "topic", "verified", "year"]);
  await page.getByText("Columns", { exact: true }).click();
  await page.getByRole("checkbox", { name: "topic" }).uncheck();
  await page.getByRole("checkbox", { name: "URI" }).check();
  expect(await headings()).toEqual(["ID", "Document", "verified", "year", "URI"]);
  await page.keyboard.press("Escape");
  await button(page, "year").click();
  await button(page, "year").click();
  await expect.poll(() => page.locator("tbody tr").first().textContent(), patience).toContain("2025");
  expect(await page.getByRole("columnheader", { name: "year" }).getAttribute("aria-sort")).toBe("descending");
});

test("adds, changes and deletes a record", async () => {
  const page = await tabWith("editing", "seed");
  await openCollection(page, "drafts");
  await button(page, "Add record").click();
  await detail(page).getByLabel("ID").fill("first");
  await detail(page).getByLabel("Document").fill("A crab under the weed.");
  await detail(page).getByLabel("Metadata").fill('{ "year": 1, "gone": true }');
  await button(page, "Add").click();
  await says(page, "Added first");
  await expect.poll(() => rows(page).allTextContents(), patience).toEqual(["first"]);
  const before = await detail(page).getByLabel("Embedding").inputValue();
  expect(JSON.parse(before)).toHaveLength(384);

  await detail(page).getByLabel("Document").fill("A crab beside the weed, and a shrimp.");
  await detail(page).getByLabel("Metadata").fill('{ "year": 2 ');
  expect(await button(page, "Save").isDisabled()).toBe(true);
  await detail(page).getByLabel("Metadata").fill('{ "year": 2 }');
  await detail(page).getByLabel("URI").fill("https://shore.example/1");
  await button(page, "Save").click();
  await says(page, "Saved first");
  const stored = await page.evaluate(async () => {
    const client = inspected;
    return (await client.getCollection({ name: "drafts" })).get({ include: ["documents", "metadatas", "uris"] });
  });
  expect(stored).toMatchObject({
    documents: ["A crab beside the weed, and a shrimp."],
    metadatas: [{ year: 2 }],
    uris: ["https://shore.example/1"],
  });
  await expect.poll(() => detail(page).getByLabel("Embedding").inputValue(), patience).not.toBe(before);

  await detail(page).getByRole("button", { name: "Delete" }).click();
  await button(page, "Delete record").click();
  await says(page, "Deleted first");
  await page.getByText("No records.").waitFor();
});

test("keeps what is typed in the moment the form appears", async () => {
  const page = await tabWith("at-once", "seed");
  await openCollection(page, "drafts");
  await page.evaluate(() => {
    const root = document.querySelector("tidepool-inspector")!.shadowRoot!;
    new MutationObserver((_, watch) => {
      const field = root.querySelector<HTMLInputElement>("aside input[required]");
      if (field === null) return;
      watch.disconnect();
      field.value = "at once";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }).observe(root, { childList: true, subtree: true });
  });
  await button(page, "Add record").click();
  await detail(page).getByLabel("Document").fill("A goby.");
  expect(await detail(page).getByLabel("ID").inputValue()).toBe("at once");
  await button(page, "Add").click();
  await says(page, "Added at once");
});

test("shows what another tab writes, but not over what is being written", async () => {
  const page = await tabWith("live", "seed");
  await openCollection(page, "drafts");
  const other = await tabWith("live", "nothing");
  const add = (id: string, document: string) =>
    other.evaluate(
      async ([id, document]) => {
        const client = inspected;
        await (await client.getCollection({ name: "drafts" })).upsert({ ids: [id!], documents: [document!] });
      },
      [id, document],
    );
  await add("a", "from the other tab");
  await expect.poll(() => rows(page).allTextContents(), patience).toEqual(["a"]);
  await rows(page).first().click();
  await expect.poll(() => detail(page).getByLabel("Document").inputValue(), patience).toBe("from the other tab");
  await add("a", "changed there");
  await expect.poll(() => detail(page).getByLabel("Document").inputValue(), patience).toBe("changed there");
  await detail(page).getByLabel("Document").fill("mine");
  await add("a", "changed again");
  await expect.poll(() => page.locator("tbody td").first().textContent(), patience).toBe("changed again");
  expect(await detail(page).getByLabel("Document").inputValue()).toBe("mine");
  await expect
    .poll(
      () =>
        tree(page)
          .getByRole("button", { name: /^drafts/ })
          .textContent(),
      patience,
    )
    .toContain("1 × 384");
});

test("opens a path by its attribute, and lets go of it when it is taken out", async () => {
  const page = await tabWith("attribute", "seed");
  await page.evaluate(async () => {
    await inspected.close();
    await (await load<typeof Inspector>("inspector")).showPath("attribute");
  });
  await openCollection(page, "field-notes");
  await page.evaluate(() => document.querySelector("tidepool-inspector")!.remove());
  expect(await page.evaluate(() => tidepool.destroyPath({ path: "attribute" }).then(() => "free"))).toBe("free");
});

test("asks in each way, tells the call in other words, and says what is wrong", async () => {
  const page = await tabWith("console", "seed");
  await openCollection(page, "field-notes");
  await page.getByRole("tab", { name: "Query" }).click();
  const results = page.getByRole("region", { name: "Results", exact: true });
  const preview = page.getByRole("region", { name: "The call" }).locator("pre");
  await page.getByRole("searchbox").fill("kelp forests");
  await button(page, "Run").click();
  await results.getByText("10 hits").waitFor();
  expect(await results.getByRole("row").nth(1).textContent()).toMatch(/text 1: forests kelp.*Kelp forests/);
  expect(await results.getByRole("status").textContent()).toMatch(
    /in [\d.]+ ms as the page sees it, [\d.]+ ms of it in the engine, after [\d.]+ ms of embedding/,
  );

  await page.getByRole("radio", { name: "Vector" }).check();
  await fillNumber(page.getByLabel("Hits"), 3);
  await page.getByText("Embedding and filters").click();
  await page.getByRole("textbox", { name: "where", exact: true }).fill('{ "topic": "seabirds" }');
  await button(page, "Run").click();
  await results.getByText("3 hits").waitFor();
  expect(await preview.textContent()).toContain('query({ queryTexts: ["kelp forests"], where: { topic: "seabirds" }, nResults: 3 })');
  await button(page, "REST").click();
  expect(await preview.textContent()).toMatch(/POST \/api\/v2\/tenants\/default_tenant\/.*\/query[\s\S]*384 numbers/);
  await page.getByRole("textbox", { name: "where", exact: true }).fill('{ "topic": { "$like": "x" } }');
  await button(page, "Run").click();
  await page.locator(".more .fault").filter({ hasText: "$like" }).waitFor();

  await page.getByRole("radio", { name: "Search API" }).check();
  await button(page, "Run").click();
  await results.getByText("10 hits").waitFor();
  await button(page, "curl").click();
  expect(await preview.textContent()).toContain("curl -X POST http://localhost:8000/api/v2/");
});

test("opens an earlier version read-only, and forks", async () => {
  await settle("versions");
  const inspected = await tabWith("versions", "nothing");
  await inspected.evaluate(async () => {
    const collection = await globalThis.inspected.createCollection({ name: "tides", embeddingFunction: null });
    await collection.add({ ids: ["a", "b"], embeddings: [[1], [2]] });
    await globalThis.inspected.vacuum();
    await collection.delete({ ids: ["a"] });
    await globalThis.inspected.vacuum();
  });
  await openCollection(inspected, "tides");
  await inspected.getByRole("tab", { name: "Versions and forks" }).click();
  await inspected.getByRole("row").filter({ hasText: "2" }).getByRole("button").last().click();
  await inspected.getByText("it can be read, not changed").waitFor();
  await expect.poll(() => rows(inspected).allTextContents(), patience).toEqual(["a", "b"]);
  expect(await button(inspected, "Add record").count()).toBe(0);
  await rows(inspected).first().click();
  await detail(inspected).getByLabel("Document").waitFor();
  expect(await button(inspected, "Save").count()).toBe(0);
  await button(inspected, "Back to the present").click();
  await expect.poll(() => rows(inspected).allTextContents(), patience).toEqual(["b"]);

  await inspected.getByRole("tab", { name: "Versions and forks" }).click();
  await button(inspected, "Fork").click();
  await dialog(inspected).getByLabel("Name").fill("tides-draft");
  await button(inspected, "Fork collection").click();
  await inspected.getByRole("heading", { name: "tides-draft", level: 2 }).waitFor();
  await inspected.getByText("Of the same origin: 1 fork.").waitFor();
});

test("shows where bytes lie, verifies, vacuums, erases and checks the recall", async () => {
  await settle("upkeep");
  const inspected = await tabWith("upkeep", "seed");
  await inspected.getByText("Kept in").waitFor();
  await button(inspected, "Vacuum").click();
  await says(inspected, /reserved, .* used/);
  await inspected.locator(".arenas li").first().waitFor();
  expect(await inspected.locator(".arenas li").first().textContent()).toMatch(/^Arena \d+[\d.]+ .?B of [\d.]+ .?B \(\d.*, \d+ blocks?$/);
  await button(inspected, "Verify").click();
  await says(inspected, "Everything is sound");
  await inspected.getByText(/^Sound: 3 collections, \d+ blocks read\.$/).waitFor();
  await button(inspected, "Erase what was deleted").click();
  await button(inspected, "Erase for good").click();
  await says(inspected, /reserved, .* used; \d+ earlier versions? kept|reserved, .* used$/);
  await openCollection(inspected, "field-notes");
  await inspected.getByRole("tab", { name: "Index" }).click();
  await button(inspected, "Check recall").click();
  await inspected.getByText(/^1\.000 at \d+$/).waitFor();
  await button(inspected, "Change ef_search").click();
  await fillNumber(dialog(inspected).getByLabel("ef_search"), 77);
  await dialog(inspected).getByRole("button", { name: "Change" }).click();
  await inspected.getByText("is 77: a larger one").waitFor();
});

test.skipIf(capabilities.downloads !== true)("takes records out and in, copies a collection, backs up and restores", async () => {
  const page = await tabWith("transfer", "seed");
  await openCollection(page, "field-notes");
  const download = page.waitForEvent("download");
  await page.getByText("Export, import, copy").click();
  await button(page, "Export as JSON lines").click();
  const exported = await (await download).path();
  expect((await download).suggestedFilename()).toBe("field-notes.jsonl");
  expect((await readFile(exported, "utf8")).trim().split("\n")).toHaveLength(240);

  await openCollection(page, "drafts");
  await page.getByLabel("File to import").setInputFiles({
    name: "two.jsonl",
    mimeType: "application/jsonl",
    buffer: Buffer.from('{"id":"p","document":"A pool."}\n{"id":"q"}\n{"id":"r","document":"A rock."}\n'),
  });
  await says(page, /^Imported 2 records; 1 left out, first since line 2: /);
  await page.getByText("Export, import, copy").click();
  await button(page, "Copy to a new collection").click();
  await dialog(page).getByLabel("Name of the copy").fill("drafts-copy");
  await button(page, "Copy").click();
  await page.getByRole("heading", { name: "drafts-copy", level: 2 }).waitFor();
  await expect.poll(() => rows(page).allTextContents(), patience).toEqual(["p", "r"]);

  await button(page, "Storage and maintenance").click();
  const backup = page.waitForEvent("download");
  await button(page, "Back up").click();
  const file = await (await backup).path();
  await settle("transfer-restored");
  const other = await tabWith("transfer-restored", "nothing");
  await other.getByLabel("Mode").selectOption("new");
  await other.getByLabel("Backup to restore").setInputFiles(file);
  await says(other, "Restored 4 collections with 1,244 records");
  await tree(other)
    .getByRole("button", { name: /^drafts-copy/ })
    .waitFor();
});

test.runIf(isTriedIn(target))("stops what takes long", async () => {
  const page = await tabWith("stopping", "nothing");
  await page.evaluate(async () => (await load<typeof Inspector>("inspector")).seedMany(inspected, 20_000, "buoys"));
  await openCollection(page, "buoys");
  await page.getByText("Export, import, copy").click();
  await button(page, "Copy to a new collection").click();
  await dialog(page).getByLabel("Name of the copy").fill("copy");
  await button(page, "Copy").click();
  await page.evaluate(() => {
    const root = document.querySelector("tidepool-inspector")!.shadowRoot!;
    const stop = (): void => root.querySelector<HTMLElement>(".task button")?.click();
    new MutationObserver(stop).observe(root, { subtree: true, childList: true });
    stop();
  });
  await says(page, /^ABORTED: /);
  expect(await page.locator(".task").count()).toBe(0);
});

test("is a page of the demo", async () => {
  const server = await serveDemo({ headers: strictPolicy() });
  try {
    const page = await suite.context.newPage();
    opened.push({ page, errors: collectErrors(page) });
    await page.goto(new URL("inspector.html?path=shown-there", server.url).href);
    await tree(page).getByText("No collections.").waitFor();
    await page.getByText("Kept in").waitFor();
    expectNoViolations(server);
  } finally {
    await server.close();
  }
});

test.runIf(isTriedIn(target)).each([
  { width: 1440, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
] as const)("is accessible in every view, $width px wide, $colorScheme", async ({ width, colorScheme }) => {
  const page = await tabWith(`access-${colorScheme}`, "seed");
  await page.setViewportSize({ width, height: 844 });
  await page.emulateMedia({ colorScheme });
  await page.getByText("Kept in").waitFor();
  expect(await violations(page)).toEqual([]);
  await openCollection(page, "field-notes");
  await rows(page).first().waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByText("Filter", { exact: true }).click();
  expect(await violations(page)).toEqual([]);
  await page.getByText("Filter", { exact: true }).click();
  await rows(page).first().click();
  await detail(page).getByLabel("Document").waitFor();
  expect(await violations(page)).toEqual([]);
  for (const name of ["Query", "Versions and forks", "Index", "Schema"]) {
    await page.getByRole("tab", { name }).click();
    expect(await violations(page)).toEqual([]);
  }
  await button(page, "Delete collection").click();
  expect(await violations(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});
