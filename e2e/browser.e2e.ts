/** The harness itself: what a kill test takes for granted must be true. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { serveFolder } from "../tools/browser/static-server.js";

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function blankPage(headers?: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-blank-"));
  cleanups.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>blank</title>");
  const server = await serveFolder(folder, { base: "/under/", ...(headers ? { headers } : {}) });
  cleanups.push(() => server.close());
  return server.url;
}

test("a killed browser comes back on its profile with what its files held", async () => {
  const url = await blankPage();
  const profile = await createProfile();
  cleanups.push(() => removeProfile(profile));

  const first = await spawnBrowser(profile);
  const page = await first.context.newPage();
  await page.goto(url);
  await page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    const writable = await (await folder.getFileHandle("note", { create: true })).createWritable();
    await writable.write("still here");
    await writable.close();
  });
  await first.kill();
  await expect.poll(() => first.isConnected()).toBe(false);

  const second = await spawnBrowser(profile);
  const again = await second.context.newPage();
  await again.goto(url);
  const note = await again.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    return (await (await folder.getFileHandle("note")).getFile()).text();
  });
  await second.close();
  expect(note).toBe("still here");
});

test("the static server keeps to its folder and sends the headers it was given", async () => {
  const url = await blankPage({ "content-security-policy": "default-src 'self'" });
  const found = await fetch(url);
  expect([found.status, found.headers.get("content-type"), found.headers.get("content-security-policy")]).toEqual([
    200,
    "text/html; charset=utf-8",
    "default-src 'self'",
  ]);
  expect((await fetch(new URL("..%2f..%2fetc%2fpasswd", url))).status).toBe(404);
  expect((await fetch(new URL("/", url))).status).toBe(404);
});
