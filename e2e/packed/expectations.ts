/** What the pages of apps are to find, and how that is seen. */
import { readFile, writeFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { BrowserContext, Page } from "playwright";
import { collectErrors } from "../../tools/browser/browser.js";
import { serveFakeModels } from "../support/fake-models.js";

/** Squared distances of [0.5, 0, 1] to the unit vectors of `moon` and `tide`. */
export const found = {
  near: [["moon", "tide"]],
  distances: [[0.25, 1.25]],
  wet: [["tide", "pool"]],
  text: ["moon"],
  pattern: ["tide"],
  storage: "opfs",
  kernel: "wasm-relaxed-simd",
};

/** What the sentence encoder finds. */
export const encoderFound = { isWhole: true, nearest: ["harbour"] };

/** What a model of Hugging Face's kind finds. */
export const transformersFound = { device: "wasm", nearest: ["harbour"] };

/** What LangChain finds among texts that are angles: the cosine of 60 degrees. */
export const langchainFound = { id: "60", metadata: { "loc.from": 60 }, score: "0.500", diverse: ["0", "60"], left: ["1"] };

/** What a component shows: a record, then another, and a third after it was mounted again. */
export const componentsFound = [["ebb"], ["ebb", "flow"], ["ebb", "flow", "moon"]];

/** What LangChain's own class for Chroma finds among such texts: distances by the cosine. */
export const langchainChromaFound = {
  found: [
    ["a", "0.000"],
    ["b", "0.500"],
  ],
  retrieved: ["60"],
  left: ["b"],
};

/** What Chroma's client finds among these records. */
export const officialFound = {
  near: [["moon", "tide"]],
  distances: [[0.25, 1.25]],
  wet: ["the tide comes in", "a pool is left behind"],
  missing: "ChromaNotFoundError",
};

/** What Chroma's embedding packages find, asked of Hugging Face's server, Ollama, Jina and BM25 in turn. */
export const chromaEmbeddingsFound = { made: ["moon", "moon", "moon", "pool"], restored: ["later", "later", "later", "later"] };

/** Opens a page of an app, waits for what it found, and compares. */
export async function expectWorking(context: BrowserContext, url: string, expected: unknown = found): Promise<void> {
  const page = await context.newPage();
  const errors = collectErrors(page);
  try {
    await page.goto(url);
    const actual = await resultOf(page);
    if (!isDeepStrictEqual(actual, expected)) throw new Error(`answered ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
    if (errors.length > 0) throw new Error("the page complained");
  } catch (error) {
    throw new Error([`${url}: ${error instanceof Error ? error.message : String(error)}`, ...errors].join("\n"));
  } finally {
    await page.close();
  }
}

/** What an extension may have at most. */
export const strictPolicy = "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'";

/** Under the policy hnswlib-wasm cannot run: creating a collection that needs it is refused, and leaves nothing behind. */
export async function expectForbidden(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage();
  try {
    await page.goto(url);
    const { code, message, collections } = (await resultOf(page)) as { code?: string; message?: string; collections?: number };
    if (code !== "NOT_SUPPORTED" || !message?.includes("content security policy") || collections !== 0) {
      throw new Error(`under "${strictPolicy}": ${code} ${message}, ${collections} collections left`);
    }
  } finally {
    await page.close();
  }
}

export async function resultOf(page: Page): Promise<unknown> {
  await page.waitForFunction(() => "packed" in globalThis, undefined, { timeout: 60_000 });
  return page.evaluate(() => {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer for 60 s")), 60_000));
    return Promise.race([(globalThis as unknown as { packed: Promise<unknown> }).packed, late]);
  });
}

/** Edits a component twice while its page is open: it is replaced in place, with its state, and its subscription goes on. */
export async function expectRefreshing(context: BrowserContext, url: string, component: string): Promise<void> {
  const page = await context.newPage();
  const errors = collectErrors(page);
  const shows = async (label: string, ...ids: string[]) => {
    const text = `${label} 1: ${ids.join(" ")}`;
    await page
      .getByText(text, { exact: true })
      .waitFor({ timeout: 60_000 })
      .catch(async (error: unknown) => {
        throw new Error(`shows ${await page.textContent("body")}, not ${text}: ${String(error)}`);
      });
  };
  const add = (id: string) => page.evaluate((one) => (globalThis as unknown as { add(id: string): Promise<void> }).add(one), id);
  try {
    await page.goto(url);
    await page.getByRole("button").click();
    await shows("notes");
    await add("ebb");
    await shows("notes", "ebb");
    const source = await readFile(component, "utf8");
    for (const [label, ids] of [
      ["tides", ["ebb", "flow"]],
      ["moons", ["ebb", "flow", "moon"]],
    ] as const) {
      await writeFile(component, source.replace("notes {", `${label} {`));
      await shows(label, ...ids.slice(0, -1));
      await add(ids.at(-1)!);
      await shows(label, ...ids);
    }
    if (errors.length > 0) throw new Error("the page complained");
  } catch (error) {
    throw new Error([`${url}: ${error instanceof Error ? error.message : String(error)}`, ...errors].join("\n"));
  } finally {
    await page.close();
  }
}

/** What a page finds that asks models, all of which a server here answers for. */
export async function expectAsking(context: BrowserContext, url: string): Promise<void> {
  const models = await serveFakeModels();
  await context.route("https://api.jina.ai/**", async (route) => {
    const response = await route.fetch({ url: `${models.url}/v1/embeddings` });
    await route.fulfill({ response });
  });
  try {
    await expectWorking(context, `${url}?models=${models.url}`, chromaEmbeddingsFound);
  } finally {
    await context.unroute("https://api.jina.ai/**");
    await models.close();
  }
}
