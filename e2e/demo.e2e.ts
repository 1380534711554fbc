/**
 * The demo as a person uses it, with a profile on disk: the first visit, asking, filtering, adding files, deleting, coming back. The tests
 * follow each other like the visits of one person, on what the earlier ones left. The page served is the built one, under its
 * content security policy, from a host that knows nothing but files.
 */
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright";
import { beforeAll, expect, test } from "vitest";
import { collectErrors, createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { isTriedIn } from "../tools/browser/left-out.mjs";
import { capabilities, target } from "../tools/browser/target.js";
import { useDemo } from "./support/demo.js";

const patience = { timeout: 30_000 };
/** The model reads every passage, on whatever machine this is. */
const reading = { timeout: 150_000 };
/** What the first visit may cost before there is a model. */
const firstLoadBytesMax = 250_000;

const suite = useDemo();
let page: Page;
let errors: string[];
let bundled: number;
/** Everything that the page asked for, and how much of it the first visit did. */
const responses = new Map<string, Promise<Buffer>>();
let firstVisit: [url: string, body: Promise<Buffer>][] = [];

beforeAll(() => {
  ({ page, errors } = suite);
});

type List = "hybrid" | "vector" | "text" | "browse";

const part = (testId: string, on = page) => on.getByTestId(testId);
const textOf = async (testId: string, on = page): Promise<string> => (await part(testId, on).textContent()) ?? "";
const hitsOf = (list: List) => part(`list-${list}`).getByTestId("hit");
const firstHit = async (list: List): Promise<string> => (await hitsOf(list).first().textContent(patience)) ?? "";

/** Waits until the library counts this many passages. */
async function untilStored(count: number, on = page): Promise<void> {
  await expect.poll(() => textOf("source-count", on), patience).toMatch(new RegExp(`^${count} passages?`));
}

/** How many passages the library says it has. */
async function counted(): Promise<number> {
  return Number(/^(\d+)/.exec(await textOf("source-count"))![1]);
}

async function ask(query: string): Promise<void> {
  await part("query").fill(query);
}

function file(name: string, content: string): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: "text/plain", buffer: Buffer.from(content) };
}

async function addFile(name: string, content: string): Promise<void> {
  await part("files").setInputFiles(file(name, content));
}

/** Drops files on the page as a file manager would. */
async function drop(files: Record<string, string>): Promise<void> {
  const transfer = await page.evaluateHandle((files) => {
    const data = new DataTransfer();
    for (const [name, content] of Object.entries(files)) data.items.add(new File([content], name));
    return data;
  }, files);
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

/** Waits until the proof's database is destroyed, by a worker of its own: Firefox complains of one whose page goes while it loads. */
async function untilProofIsOver(): Promise<void> {
  await expect.poll(() => part("loss-run").count(), patience).toBe(1);
}

async function openMenu(list: List): Promise<void> {
  await hitsOf(list).first().getByTestId("menu").locator("summary").click();
}

test("the first visit stores the notes, shows how far the model is, and has it read them", async () => {
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { seenTexts: seen });
    new MutationObserver(() => {
      for (const id of ["#progress-text", "#model-text"]) {
        const text = document.querySelector(id)?.textContent;
        if (text && !seen.includes(text)) seen.push(text);
      }
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  page.on("response", (response) =>
    responses.set(
      response.url(),
      response.body().catch(() => Buffer.alloc(0)),
    ),
  );
  await page.goto(suite.app.url);
  await expect.poll(() => textOf("model-pill"), reading).toBe("Understands");
  bundled = Number(/^(\d+) passages/.exec(await textOf("source-count"))![1]);
  expect(bundled).toBeGreaterThanOrEqual(100);
  const seen = await page.evaluate(() => (globalThis as unknown as { seenTexts: string[] }).seenTexts);
  expect(seen.some((text) => /^Adding the notes: \d+ of \d+ passages$/.test(text))).toBe(true);
  expect(seen.some((text) => /^Loading the model: .+ of 7.5 MB$/.test(text))).toBe(true);
  expect(seen.some((text) => /^Reading: \d+ of \d+ passages understood/.test(text))).toBe(true);
  firstVisit = [...responses];
  // The map draws itself for those who look at it.
  await part("map").scrollIntoViewIfNeeded();
  await expect.poll(() => textOf("map-note"), patience).toBe(`All ${bundled} vectors`);
  // So does what is known of the storage.
  await part("storage-card").locator("summary").click();
  await expect.poll(() => textOf("info-storage"), patience).toContain("OPFS");
});

test("all of it comes from this host, and the first load is small", async () => {
  expect([...responses.keys()].filter((url) => !url.startsWith(suite.app.url))).toEqual([]);
  // The model's own files have no part in this. Of the service worker's copies each is fetched twice.
  const counted = firstVisit.filter(([url]) => !/sentence-encoder|\/sw\.js$|markdown-/.test(url));
  const sizes = await Promise.all(counted.map(async ([url, body]) => [url, gzipSync(await body, { level: 9 }).length] as const));
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  expect(total, JSON.stringify(sizes)).toBeLessThanOrEqual(firstLoadBytesMax);
  expect(total).toBeGreaterThan(100_000);
});

test("questions that share no word with their answers find them", async () => {
  const answers = [
    "The male shanny guards the eggs.",
    "when the power fails",
    "never pull a limpet",
    "Deleting a row seldom deletes its bytes",
  ];
  const filler = /^(a|are|can|do|how|i|if|is|my|the|their|to|which)$/;
  const questions = await part("examples").getByRole("button").allTextContents();
  expect(questions).toHaveLength(4);
  for (const [index, question] of questions.entries()) {
    await ask("");
    await part("examples").getByText(question).click();
    await expect.poll(() => firstHit("hybrid"), patience).toMatch(new RegExp(answers[index]!, "i"));
    const hit = hitsOf("hybrid").first();
    const answer = `${await hit.locator("h3").textContent()} ${await hit.getByTestId("hit-text").textContent()}`
      .toLowerCase()
      .match(/[a-z]+/g)!;
    const asked = question
      .toLowerCase()
      .match(/[a-z]+/g)!
      .filter((word) => !filler.test(word));
    expect(asked.filter((word) => answer.includes(word))).toEqual([]);
    expect(await hit.getByTestId("badge-vector").textContent()).toBe("vector 1");
    expect(await hit.getByTestId("badge-text").count()).toBe(0);
  }
});

test("one list in which words and meaning are fused, and each hit says why it is there", async () => {
  await part("query").pressSequentially("what is the glue of barnacles", { delay: 5 });
  await ask("what is the glue of barnacles");
  // Cards of what was typed until then give way one after the other.
  await expect.poll(() => textOf("calls"), patience).toContain('queryText: "what is the glue of barnacles"');
  await page.locator('#result-lists[aria-busy="false"]').waitFor(patience);
  expect(await firstHit("hybrid")).toContain("The glue of barnacles");
  expect(await part("list-vector").count()).toBe(0);
  const hit = hitsOf("hybrid").first();
  expect(await hit.getByTestId("badge-vector").textContent()).toMatch(/^vector \d+$/);
  expect(await hit.getByTestId("badge-text").textContent()).toBe("text 1");
  await hit.getByTestId("why").locator("summary").click();
  const why = (await hit.getByTestId("why").textContent()) ?? "";
  expect(why).toMatch(/no\. \d+ by its vector, at a cosine distance of 0\.\d+/);
  expect(why).toMatch(/“barnacles?”.*“glue”|“glue”.*“barnacles?”/);
  // What is marked tells something: no "the", no "of".
  const marks = (await hit.locator("mark").allTextContents()).map((mark) => mark.toLowerCase());
  expect(marks).toContain("glue");
  expect(marks.filter((mark) => /^(the|of|is|what)$/.test(mark))).toEqual([]);
  expect(await textOf("times")).toMatch(/model .+ ms · database .+ ms · page .+ ms/);
});

test("side by side: by meaning and by words", async () => {
  await part("mode-side").check({ force: true });
  await expect.poll(() => hitsOf("vector").count(), patience).toBe(10);
  expect(await firstHit("text")).toContain("Barnacles");
  await part("mode-hybrid").check({ force: true });
  await expect.poll(() => part("list-vector").count(), patience).toBe(0);
});

test("cards have four lines at most, and Markdown in them is rendered without what could act", async () => {
  const evil =
    "Zebrafinch **bold** and `code`\n\n- one\n- two\n\n<img src=x onerror=alert(1)><script>alert(1)</script>[link](javascript:alert(1))";
  await addFile("notes.md", `# Birds\n\n${evil}\n\n${"long ".repeat(60)}\n\n${"x".repeat(5000)}`);
  await untilStored((await storedNow()) + 0);
  await ask("zebrafinch");
  await expect.poll(() => hitsOf("hybrid").first().locator("strong").allTextContents(), patience).toEqual(["bold"]);
  const hit = hitsOf("hybrid").first();
  expect(await hit.locator("li").allTextContents()).toEqual(["one", "two"]);
  expect(await hit.locator("img, script, a").count()).toBe(0);
  for (const text of await page.getByTestId("hit-text").all()) {
    const { height, line } = await text.evaluate((element) => ({
      height: element.clientHeight,
      line: Number.parseFloat(getComputedStyle(element).lineHeight) || 24,
    }));
    expect(height / line).toBeLessThanOrEqual(4.7);
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await page.locator('[data-source="notes.md"]').getByTestId("delete-source").click();
  await untilStored(bundled);
});

/** As many as there are once nothing more is added. */
async function storedNow(): Promise<number> {
  await expect.poll(() => textOf("progress-text"), patience).toMatch(/^Added/);
  await expect.poll(counted, patience).toBeGreaterThan(bundled);
  return await counted();
}

test("finds in spite of a slip; what is similar to a hit is not the hit, and is seen at once", async () => {
  await ask("anemonee");
  await expect.poll(() => firstHit("hybrid"), patience).toMatch(/anemone/i);
  const first = await hitsOf("hybrid").first().getAttribute("data-id");
  await page.evaluate(() => scrollTo({ top: 800 }));
  await openMenu("hybrid");
  await hitsOf("hybrid").first().getByTestId("similar").click();
  await expect.poll(() => textOf("summary"), patience).toContain("Similar to “");
  expect(await hitsOf("vector").count()).toBe(10);
  const ids = await hitsOf("vector").evaluateAll((hits) => hits.map((hit) => hit.getAttribute("data-id")));
  expect(ids).not.toContain(first);
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await part("similar-clear").click();
  await expect.poll(() => part("examples").isVisible(), patience).toBe(true);
});

test("filters fold away, and each that is on is a chip that takes it off", async () => {
  await ask("tide");
  await expect.poll(() => hitsOf("hybrid").count(), patience).toBe(10);
  expect(await part("filter-topic").isVisible()).toBe(false);
  await part("filters").locator("summary").click();
  await part("filter-topic").selectOption("Databases");
  await expect
    .poll(async () => new Set(await part("list-hybrid").locator(".topic").allTextContents()), patience)
    .toEqual(new Set(["Databases"]));
  await part("filter-tag").selectOption("recovery");
  await part("filter-words-max").fill("120");
  await expect.poll(() => part("chip").allTextContents(), patience).toEqual(["Topic: Databases", "Tag: recovery", "At most, words: 120"]);
  await part("chip").first().click();
  await expect.poll(() => part("chip").count(), patience).toBe(2);
  await part("filter-reset").click();
  await expect.poll(() => part("chip").count(), patience).toBe(0);

  await ask("ranking formula");
  await part("filter-contains").fill("BM25");
  await expect.poll(async () => (await hitsOf("hybrid").locator("mark").allTextContents()).includes("BM25"), patience).toBe(true);
  await part("filter-reset").click();
  await ask("tide");
  await part("filter-where").fill('{ "words": { "$more": 3 } }');
  await expect.poll(() => textOf("filter-where-error"), patience).toContain("$more");
  await part("filter-where").fill('{ "$and": [{ "topic": "Tide pools" }, { "tags": { "$contains": "moon" } }] }');
  await expect.poll(async () => (await hitsOf("hybrid").allTextContents()).every((text) => text.includes("moon")), patience).toBe(true);
  expect(await textOf("filter-where-error")).toBe("");
  await part("filter-reset").click();
  await part("filters").locator("summary").first().click();
});

test("a chosen file and dropped files are stored and found by words at once, and by meaning when they are read", async () => {
  await addFile("lighthouse.md", "# Lighthouse log\n\n## Fresnel [optics]\n\nThe zanzibar lens throws its beam twenty miles over the sea.");
  await untilStored(bundled + 1);
  await ask("zanzibar");
  await expect.poll(() => firstHit("hybrid"), patience).toContain("lighthouse.md");
  await ask("How far can ships spot the lamp?");
  await expect.poll(() => firstHit("hybrid"), reading).toContain("zanzibar");
  await drop({ "keepers.csv": "name,story,year\nAda,A quixotic keeper counts waves,1901\nBo,The lamp goes out,1902" });
  await untilStored(bundled + 3);
  await ask("quixotic");
  await expect.poll(() => firstHit("hybrid"), patience).toContain("keepers.csv");
});

test("of many files there is one summary; what was refused says why, and goes at once", async () => {
  await drop({ "photo.png": "not really", "empty.txt": " ", "word.txt": "albatross" });
  await untilStored(bundled + 4);
  await expect.poll(() => part("notice").count(), patience).toBe(1);
  const text = await textOf("notice");
  expect(text).toContain("2 files could not be added");
  expect(text).toContain("photo.png");
  expect(text).toContain("empty.txt");
  expect(text).toContain("1 passage of 1 file added.");
  await part("dismiss").click();
  expect(await part("notice").count()).toBe(0);
  await page.locator('[data-source="word.txt"]').getByTestId("delete-source").click();
  await untilStored(bundled + 3);
});

test("files of one name never replace each other, and a file that is added twice is there once", async () => {
  await addFile("tides-and-pools.md", "# Mine\n\nMy own kittiwake notes.");
  await untilStored(bundled + 4);
  await addFile("tides-and-pools.md", "# Mine\n\nMy own kittiwake notes, second edition.");
  await untilStored(bundled + 5);
  await addFile("tides-and-pools.md", "# Mine\n\nMy own kittiwake notes.");
  await expect.poll(() => textOf("toast"), patience).toContain("added");
  await part("restore").click();
  await expect.poll(() => textOf("progress-text"), patience).toMatch(/^Added the notes/);
  await untilStored(bundled + 5);
  await ask("kittiwake");
  await expect.poll(() => hitsOf("hybrid").filter({ hasText: "kittiwake" }).count(), patience).toBe(2);
  const mine = page.locator('[data-source="tides-and-pools.md"]').filter({ hasNotText: "bundled" });
  await mine.first().getByTestId("delete-source").click();
  await untilStored(bundled + 4);
  await mine.first().getByTestId("delete-source").click();
  await untilStored(bundled + 3);
});

test("a passage and a source are deleted and taken back", async () => {
  await expect.poll(() => textOf("model-pill"), reading).toBe("Understands");
  await ask("quixotic");
  await expect.poll(() => firstHit("hybrid"), patience).toContain("quixotic");
  await openMenu("hybrid");
  await hitsOf("hybrid").first().getByTestId("delete").click();
  await untilStored(bundled + 2);
  await part("undo").click();
  await untilStored(bundled + 3);
  await page.locator('[data-source="keepers.csv"]').getByTestId("delete-source").click();
  await untilStored(bundled + 1);
  await part("undo").click();
  await untilStored(bundled + 3);
});

test("reload keeps everything and stores nothing anew", async () => {
  await page.reload();
  await untilStored(bundled + 3);
  expect(await part("progress").isVisible()).toBe(false);
  await ask("zanzibar");
  await expect.poll(() => firstHit("hybrid"), patience).toContain("lighthouse.md");
});

test("a second tab shows the library live, both ways", async () => {
  await ask("");
  const [second] = await Promise.all([suite.context.waitForEvent("page"), part("second-tab").click()]);
  const theirErrors = collectErrors(second);
  await untilStored(bundled + 3, second);
  await addFile("gull.txt", "A herring gull drops shells on the road.");
  await untilStored(bundled + 4, second);
  await second.locator('[data-source="gull.txt"]').getByTestId("delete-source").click();
  await untilStored(bundled + 3);
  expect(await second.getByTestId("notice").count()).toBe(0);
  expect(theirErrors).toEqual([]);
  await second.close();
});

test("it is fast: stores records, and shows the database's time beside the page's", async () => {
  const before = await counted();
  await page.goto(`${suite.app.url}?records=3000`);
  await part("speed-load").click();
  await expect.poll(() => part("speed-ask").count(), reading).toBe(1);
  const ms = async (of: string): Promise<number> => Number.parseFloat(await textOf(`speed-${of}`));
  expect(await textOf("speed-engine")).toMatch(/ms.*Engine/);
  expect(await textOf("speed-call")).toMatch(/ms.*There and back/);
  expect(await textOf("speed-page")).toMatch(/ms.*On the screen/);
  expect(await textOf("speed-text")).toContain("over 3,000 records");
  // Each is a part of the next.
  expect(await ms("engine")).toBeLessThanOrEqual(await ms("call"));
  expect(await ms("call")).toBeLessThanOrEqual(await ms("page"));
  await part("speed-remove").click();
  await expect.poll(() => textOf("speed-text"), patience).toBe("Removed.");
  await untilStored(before);
});

test("it loses nothing: the engine is killed in mid-write, and all that was acknowledged is there", async () => {
  const before = await counted();
  await part("loss-run").click();
  await expect.poll(() => part("loss-verdict").count(), reading).toBe(1);
  expect(await textOf("loss-killed")).toContain("Killed the worker in mid-write");
  const [, found, acknowledged] = /^([\d,]+) of ([\d,]+) acknowledged records are there/.exec(await textOf("loss-verdict"))!;
  expect(found).toBe(acknowledged);
  expect(Number(found!.replace(",", ""))).toBeGreaterThanOrEqual(400);
  await untilProofIsOver();
  await untilStored(before);
});

test("a page that was closed in mid-write counts when it is back", async () => {
  const writing = await suite.context.newPage();
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  await writing.exposeFunction("reportWriting", () => reach());
  // Where it would kill its worker, in mid-write, it stands still: nothing that it asks from then on is heard.
  await writing.addInitScript(() => {
    const { terminate: end } = Worker.prototype;
    const terminate = function (this: Worker): void {
      if (localStorage.getItem("tidepool-demo-acknowledged") === null) return end.call(this);
      for (const { prototype } of [MessagePort, Worker]) Object.assign(prototype, { postMessage: () => undefined });
      (globalThis as unknown as { reportWriting(): void }).reportWriting();
    };
    Object.assign(Worker.prototype, { terminate });
  });
  await writing.goto(suite.app.url);
  await part("loss-run", writing).click();
  await reached;
  await writing.close();
  await page.goto(suite.app.url);
  await expect.poll(() => part("loss-verdict").count(), reading).toBe(1);
  expect(await textOf("loss-text")).toContain("The page was closed while it wrote.");
  const [, found, acknowledged] = /^([\d,]+) of ([\d,]+) acknowledged records are there/.exec(await textOf("loss-verdict"))!;
  expect(found).toBe(acknowledged);
  expect(Number(found!.replace(",", ""))).toBeGreaterThanOrEqual(400);
  await untilProofIsOver();
  // What was counted once is forgotten.
  await page.reload();
  await expect.poll(() => part("loss-run").count(), patience).toBe(1);
  expect(await part("loss-verdict").count()).toBe(0);
});

test("the map is as large as one likes, and shows where the query is", async () => {
  await ask("moon");
  await expect.poll(() => hitsOf("hybrid").count(), patience).toBe(10);
  await expect.poll(() => part("map").getAttribute("aria-label"), patience).toContain("10 hits marked");
  const before = (await part("map").boundingBox())!;
  await part("map-size").click();
  await expect.poll(async () => (await part("map").boundingBox())!.width, patience).toBeGreaterThan(before.width * 2);
  await page.keyboard.press("Escape");
  await expect.poll(async () => (await part("map").boundingBox())!.width, patience).toBe(before.width);
});

test("the keyboard is enough", async () => {
  await ask("");
  await page.getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("/");
  await page.keyboard.type("moon");
  await expect.poll(() => firstHit("hybrid"), patience).toMatch(/moon/i);
  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.id ?? "");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toMatch(/^1\. /);
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toMatch(/^2\. /);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  expect(await focused()).toBe("query");
  await page.keyboard.press("Escape");
  expect(await part("query").inputValue()).toBe("");
});

test.runIf(isTriedIn(target))("axe finds nothing to complain of, in either theme, on either page", async () => {
  const axe = createRequire(import.meta.url).resolve("axe-core");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const query of ["", "moon"]) {
      await ask(query);
      await expect.poll(() => page.evaluate(() => document.body.dataset["view"]), patience).toBe(query ? "results" : "landing");
      const violations = await runAxe(page, axe);
      expect(violations, `${colorScheme}, "${query}"`).toEqual([]);
    }
  }
  await page.emulateMedia({ colorScheme: null });
});

/** What axe finds, by rule and element. It is put in beside the page's policy, which allows no such script. */
async function runAxe(on: Page, path: string): Promise<string[]> {
  await on.evaluate((await import("node:fs")).readFileSync(path, "utf8"));
  return on.evaluate(async () => {
    interface Result {
      violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[];
    }
    const { axe } = globalThis as unknown as { axe: { run(): Promise<Result> } };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${String(node.target)} ${node.failureSummary ?? ""}`));
  });
}

test("a phone shows all of it without scrolling sideways, and notices where one looks", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const query of ["", "moon"]) {
    await ask(query);
    await expect.poll(() => page.evaluate(() => document.body.dataset["view"]), patience).toBe(query ? "results" : "landing");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  }
  await page.evaluate(() => scrollTo({ top: 1200 }));
  await addFile("photo.png", "not really");
  await expect.poll(() => part("notice").count(), patience).toBe(1);
  const box = (await part("notice").boundingBox())!;
  expect(box.y).toBeGreaterThanOrEqual(0);
  expect(box.y + box.height).toBeLessThanOrEqual(740);
  await part("dismiss").click();
  await page.setViewportSize({ width: 1280, height: 800 });
});

/** As if the model had read them: by vectors of two numbers that are not zero. Each hundredth is of the lagoon. */
function readRecords(count: number): string {
  const record = (number: number): string => {
    const source = number % 100 === 0 ? "lagoon" : "buoy";
    const embedding = Array.from({ length: 512 }, (_, at) => Number(at === number % 512 || at === 7));
    const metadata = { source: `file/0/${source}`, title: `Mark ${number}`, topic: "Your files", kind: "file", position: number, words: 2 };
    return JSON.stringify({ id: `mark-${number}`, embedding, document: `${source} ${number}`, metadata });
  };
  return Array.from({ length: count }, (_, number) => record(number)).join("\n");
}

test.runIf(isTriedIn(target))("hits are on the map of a library that is larger than what it draws", async () => {
  const inspector = await suite.context.newPage();
  await inspector.goto(new URL("inspector.html", suite.app.url).href);
  await inspector.getByRole("button", { name: /^passages/ }).click();
  await inspector.getByLabel("File to import").setInputFiles(file("marks.jsonl", readRecords(4000)));
  await inspector.getByText("Imported 4,000 records").waitFor();
  await inspector.close();
  await ask("");
  const label = async (): Promise<string> => (await part("map").getAttribute("aria-label")) ?? "";
  await part("map").scrollIntoViewIfNeeded();
  await expect.poll(() => textOf("map-note"), patience).toBe("A sample of 3,000");
  await expect.poll(label, patience).toMatch(/^3,000 passages /);
  await page.locator('[data-source="lagoon"] button').first().click();
  await ask("lagoon");
  await part("filter-k").evaluate((select: HTMLSelectElement) => {
    select.value = "50";
    select.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await expect.poll(() => hitsOf("hybrid").count(), patience).toBe(40);
  await expect.poll(label, patience).toContain("40 hits marked");
  expect(Number(/^3,0(\d\d) passages/.exec(await label())![1])).toBeGreaterThan(0);
  // Each has its place, within the map.
  await part("map").focus();
  for (let hit = 1; hit <= 40; hit++) {
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#map-readout").textContent()).toMatch(new RegExp(`^${hit}\\. Mark \\d*0 `));
    // What was just added has its place a moment later.
    const tip = page.locator("#map-tip:not([hidden])", { hasText: new RegExp(`^${hit}\\. Mark `) });
    await tip.waitFor(patience);
    const at = await tip.evaluate(({ style }: HTMLElement) => [style.top, style.getPropertyValue("--x")].map(parseFloat));
    expect(at.every((number) => number >= 0)).toBe(true);
  }
  await part("filter-reset").evaluate((button: HTMLElement) => button.click());
});

test("what was deleted stays away until it is asked for, and nothing complains of emptiness", async () => {
  await ask("");
  await part("delete-all").click();
  await part("confirm-yes").click();
  await untilStored(0);
  await page.reload();
  await untilStored(0);
  expect(await part("notice").count()).toBe(0);
  await part("restore").click();
  await untilStored(bundled);
});

test.skipIf(capabilities.devtools !== true)("it can be installed, takes files from other apps, and works without a network", async () => {
  const devtools = await suite.context.newCDPSession(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const { errors: problems } = await devtools.send("Page.getAppManifest");
  expect(problems).toEqual([]);
  expect((await devtools.send("Page.getInstallabilityErrors")).installabilityErrors.map(({ errorId }) => errorId)).toEqual([]);

  await page.evaluate(async () => {
    const form = new FormData();
    form.append("files", new File(["A puffin digs its burrow."], "puffin.txt"));
    await fetch("./share", { method: "POST", body: form, redirect: "manual" });
  });
  await page.goto(`${suite.app.url}?shared`);
  await untilStored(bundled + 1);

  const inspector = await suite.context.newPage();
  await inspector.goto(new URL("inspector.html", suite.app.url).href);
  await inspector.getByRole("button", { name: /^passages/ }).waitFor();

  await suite.context.setOffline(true);
  try {
    await inspector.reload();
    await inspector.getByRole("button", { name: /^passages/ }).waitFor();
    await inspector.close();
    await page.reload();
    await untilStored(bundled + 1);
    await ask("puffin");
    await expect.poll(() => firstHit("hybrid"), patience).toContain("puffin.txt");
    await expect.poll(() => textOf("model-pill"), reading).toMatch(/Understands|Reading/);
  } finally {
    await suite.context.setOffline(false);
  }
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
        if (!/^Adding the notes: [1-9]/.test(document.querySelector("#progress-text")?.textContent ?? "")) return;
        watch.disconnect();
        (globalThis as unknown as { reportHalfway(): void }).reportHalfway();
      });
      watch.observe(document, { subtree: true, childList: true, characterData: true });
    });
    await cut.goto(suite.app.url);
    await halfway;
    await first.kill();

    const second = await spawnBrowser(other);
    const again = await second.context.newPage();
    await again.goto(suite.app.url);
    await untilStored(bundled, again);
    await second.close();
  } finally {
    await removeProfile(other);
  }
});
