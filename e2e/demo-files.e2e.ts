/**
 * "Ask your files" as a person does: files of every kind in one drop, files that cannot be read, more files while others are being
 * added, pausing and stopping. The page served is the built one, under its policy.
 */
import type { Page } from "playwright";
import { beforeAll, expect, test } from "vitest";
import { bookOf, pdfOf, wordOf } from "../tools/sample-files.js";
import { useDemo } from "./support/demo.js";

const patience = { timeout: 20_000 };

const suite = useDemo();
let page: Page;
let errors: string[];
let stored: number;

beforeAll(() => {
  ({ page, errors } = suite);
});

async function passagesStored(): Promise<number> {
  return Number(/^[\d,]+/.exec((await page.getByTestId("source-count").textContent()) ?? "")?.[0].replace(/,/g, "") ?? 0);
}

const give = (files: Record<string, string | Uint8Array>) =>
  page
    .getByTestId("files")
    .setInputFiles(Object.entries(files).map(([name, content]) => ({ name, mimeType: "", buffer: Buffer.from(content) })));

async function expectFound(query: string, source: string): Promise<void> {
  await page.getByTestId("query").fill(query);
  await expect
    .poll(async () => (await page.getByTestId("list-hybrid").getByTestId("hit").first().textContent()) ?? "", patience)
    .toContain(source);
}

test("a part of the page that cannot be fetched is named, and the next visit makes up for it", async () => {
  const visit = await suite.context.newPage();
  await visit.addInitScript(() => Object.defineProperty(navigator, "serviceWorker", { value: undefined }));
  await visit.route(/(?:corpus|speed-proof)-[^/]+\.js$/, (route) => route.abort());
  await visit.goto(suite.app.url);
  const notices = visit.getByTestId("notice");
  await notices.filter({ hasText: "The demo's own notes could not be loaded" }).getByRole("button", { name: "Reload the page" }).waitFor();
  await visit.getByTestId("speed-load").click();
  await notices.filter({ hasText: "The proof could not be loaded" }).waitFor();
  await visit.close();
});

test("files of every kind are read, and one notice tells of those that are not", async () => {
  await page.goto(suite.app.url);
  await expect.poll(() => page.getByTestId("progress-text").textContent(), patience).toMatch(/^Added the notes/);
  stored = Number(/(\d+) passages$/.exec((await page.getByTestId("progress-text").textContent())!)![1]);
  await expect.poll(passagesStored, patience).toBe(stored);
  await give({
    "tides.pdf": pdfOf([["The zenzizenzic tide", "follows the moon."]]),
    "log.docx": wordOf([
      ["Heading1", "Log"],
      ["", "A floccinaucinihil storm came in."],
    ]),
    "book.epub": bookOf(["<h1>One</h1><p>The borborygmus of the surf.</p>"]),
    "walk.html": "<h1>Walk</h1><p>We met a snollygoster on the shore.</p>",
    "table.tsv": "name\tsays\ncrab\ta taradiddle of claws and nothing else",
    "lines.ndjson": '{"text":"a widdershins eddy"}\n',
    "photo.png": "not really",
    "locked.pdf": "not a PDF",
  });
  await expect.poll(passagesStored, patience).toBe(stored + 6);
  const notice = page.getByTestId("notice");
  await expect.poll(() => notice.textContent(), patience).toContain("6 passages of 6 files added");
  expect(await notice.locator("li").allTextContents()).toEqual([
    expect.stringContaining("photo.png is not of a kind"),
    expect.stringContaining("locked.pdf is damaged, or is no PDF"),
  ]);
  await notice.getByTestId("dismiss").click();
  expect(await notice.count()).toBe(0);
  await expectFound("zenzizenzic", "tides.pdf");
  await expectFound("floccinaucinihil", "log.docx");
  await expectFound("borborygmus", "book.epub");
  await expectFound("snollygoster", "walk.html");
  await expectFound("taradiddle", "table.tsv");
  await expectFound("widdershins", "lines.ndjson");
  stored += 6;
});

const longLines = (count: number) => Array.from({ length: count }, (_, i) => JSON.stringify({ text: `Record ${i} of the sea` })).join("\n");

test("an addition is paused, further files wait for their turn, and stopping keeps what was added", async () => {
  await give({ "many.jsonl": longLines(20_000) });
  const pause = page.getByTestId("progress-pause");
  await pause.click();
  await give({ "later.txt": "The absquatulating gull." });
  await expect.poll(() => page.getByTestId("progress-waiting").textContent(), patience).toBe("1 more file waits.");
  await expect
    .poll(() => page.getByTestId("progress-text").textContent(), patience)
    .toMatch(/^Adding many.jsonl|^Reading many.jsonl: 20,000/);
  expect(await pause.textContent()).toBe("Go on");
  await pause.click();
  expect(await pause.textContent()).toBe("Pause");
  await expect.poll(passagesStored, patience).toBeGreaterThan(stored);
  await page.getByTestId("progress-stop").click();
  await expect.poll(() => page.getByTestId("toast").textContent(), patience).toMatch(/^Stopped\. .* kept\./);
  expect(await page.getByTestId("notice").count()).toBe(0);
  await give({ "later.txt": "The absquatulating gull." });
  await expectFound("absquatulating", "later.txt");
});

test("a word of a million letters and a line of half a million are stored in passages", async () => {
  const before = await passagesStored();
  await give({ "word.txt": "w".repeat(1_000_000), "line.txt": "The tide comes in ".repeat(28_000) });
  await expect.poll(passagesStored, { timeout: 120_000 }).toBeGreaterThan(before + 700);
});

test("the model's reading waits when it is told to, and goes on", async () => {
  await page.getByTestId("query").fill("");
  const pause = page.getByTestId("model-pause");
  await pause.click(patience);
  const said = () => page.getByTestId("model-text").textContent();
  await expect.poll(said, patience).toMatch(/^Paused: [\d,]+ of [\d,]+ passages understood/);
  expect(await pause.textContent()).toBe("Go on");
  await pause.click();
  await expect.poll(said, patience).toMatch(/^Reading: /);
});

test("no complaint reached the console", () => {
  expect(errors).toEqual([]);
});
