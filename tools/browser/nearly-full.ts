/**
 * An origin that is nearly full, for browser tests, which cannot make one where they run. Their Chromium is off the record,
 * where bytes are not counted as on disk, and all of them share one origin: what an earlier test has left there counts
 * against any limit.
 */
import type { BrowserCommand } from "vitest/node";
import { createProfile, limitStorage, openBrowser, removeProfile } from "./browser.js";

/**
 * Starts a worker in a Chromium of its own, with a fresh profile on disk, where the origin of its script may store so many
 * bytes and has stored none yet. Posts the request to it, and resolves with what it posts back.
 */
export const askNearlyFull: BrowserCommand<[script: string, request: unknown, bytes: number]> = async (_, script, request, bytes) => {
  const profile = await createProfile();
  try {
    const context = await openBrowser(profile);
    try {
      const page = await context.newPage();
      const blank = new URL("/nearly-full.html", script).href;
      await page.route(blank, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>nearly full</title>" }));
      await page.goto(blank);
      await limitStorage(page, bytes);
      return await page.evaluate(answerOf, { script, request });
    } finally {
      await context.close();
    }
  } finally {
    await removeProfile(profile);
  }
};

/** In the page: what the worker answers. */
function answerOf({ script, request }: { script: string; request: unknown }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { type: "module" });
    worker.addEventListener("message", ({ data }) => resolve(data));
    worker.addEventListener("error", ({ message }) => reject(new Error(`The worker failed: ${message}`)));
    worker.postMessage(request);
  });
}
