/** Pages in which the engine's worker cannot be started or loaded, for each of the reasons that people meet, and what they are told. */
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import { type StaticServer, serveFolder } from "../tools/browser/static-server.js";

/** The database's answer, or what its error says, as the page's title. */
const SCRIPT = `
  const named = new URL(import.meta.url).searchParams.get("package");
  const { TidepoolClient } = await import(named);
  const client = new TidepoolClient({ path: "trouble" });
  const outcome = await client.countCollections().catch(({ code, message }) => code + ": " + message);
  await client.close();
  document.title = String(outcome);`;

let folder: string;
let profile: string;
let context: BrowserContext;
const servers: StaticServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidepool-trouble-"));
  const entry = createRequire(import.meta.url).resolve("tidepool-db");
  await cp(dirname(entry), join(folder, "package"), { recursive: true });
  await cp(dirname(entry), join(folder, "without-worker"), { recursive: true });
  await rm(join(folder, "without-worker", "worker.js"));
  await writeFile(join(folder, "main.js"), SCRIPT);
  profile = await createProfile();
  context = await openBrowser(profile);
});
afterAll(async () => {
  await context?.close();
  for (const server of servers) await server.close();
  await removeProfile(profile);
  await rm(folder, { recursive: true });
});

async function serve(headers: Record<string, string>): Promise<string> {
  const server = await serveFolder(folder, { headers });
  servers.push(server);
  return server.url;
}

/** What a page under this policy is told, which imports the package from there. */
async function outcome(from: string, policy = ""): Promise<string> {
  const script = `./main.js?package=${encodeURIComponent(from)}`;
  const html = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;
  await writeFile(join(folder, "index.html"), html);
  const page = await context.newPage();
  await page.goto(await serve(policy === "" ? {} : { "content-security-policy": policy }));
  await page.waitForFunction(() => document.title !== "", undefined, { timeout: 60_000 });
  const title = await page.title();
  await page.close();
  return title;
}

const refused = (remedy: RegExp) =>
  expect.stringMatching(new RegExp(`^NOT_SUPPORTED: The engine's worker cannot run here: .*${remedy.source}`));

test("from another origin: the inline variant is named, and works", async () => {
  const elsewhere = await serve({ "access-control-allow-origin": "*" });
  expect(await outcome(`${elsewhere}package/index.js`)).toEqual(refused(/was loaded from http:\/\/localhost:\d+,.*"tidepool-db\/inline"/));
  expect(await outcome(`${elsewhere}package/inline.js`)).toBe("0");
});

test("without the worker's file, as behind a dev server that bundles packages beforehand", async () => {
  expect(await outcome("./without-worker/index.js")).toEqual(refused(/worker\.js is no script \(status 404,.*exclude: \["tidepool-db"\]/));
});

test("with a page in place of the worker's file, as behind the dev server of Vite 7 and before", async () => {
  const file = "**/without-worker/worker.js";
  await context.route(file, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>the app</title>" }));
  expect(await outcome("./without-worker/index.js")).toEqual(
    refused(/worker\.js is no script \(status 200, content type text\/html.*exclude: \["tidepool-db"\]/),
  );
  await context.unroute(file);
});

test("under a policy of trusted types that does not name the package's: it is told to, and that is enough", async () => {
  const policy = "require-trusted-types-for 'script'; trusted-types";
  expect(await outcome("./package/index.js", `${policy} app`)).toEqual(refused(/`trusted-types tidepool-db`/));
  expect(await outcome("./package/index.js", `${policy} app tidepool-db`)).toBe("0");
});

test("under a policy that refuses workers", async () => {
  expect(await outcome("./package/index.js", "worker-src 'none'")).toEqual(
    refused(/a policy of the page refuses .*worker\.js.*`worker-src`/),
  );
});

test("under a policy that refuses those of blobs, which the inline variant is", async () => {
  expect(await outcome("./package/inline.js", "worker-src 'self'")).toEqual(refused(/`worker-src blob:`/));
  expect(await outcome("./package/inline.js", "worker-src blob:")).toBe("0");
});
