/**
 * The command behind `npm start`, as a process of its own: on a machine without a screen it prints an address, serves the
 * demo there and opens nothing; with one it hands the address to the browser.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const patience = { timeout: 60_000 };

let folder: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidepool-start-"));
  // Stands in for a browser: writes down what it is told to open.
  await writeFile(join(folder, "package.json"), '{ "type": "commonjs" }');
  await writeFile(join(folder, "browser.js"), 'require("node:fs").writeFileSync(__dirname + "/opened", process.argv.at(-1));');
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

/** Starts the demo and resolves with the address that it prints. */
async function start(environment: Record<string, string>): Promise<string> {
  const { CI: _, DISPLAY: __, WAYLAND_DISPLAY: ___, ...inherited } = process.env;
  const env = { ...inherited, NO_COLOR: "1", BROWSER: join(folder, "browser.js"), ...environment };
  child = spawn(process.execPath, ["scripts/start.mjs"], { cwd: root, env, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  for await (const part of child.stdout!) {
    printed += part;
    const address = /http:\/\/localhost:\d+\//.exec(printed)?.[0];
    if (address) return address;
  }
  throw new Error(`it ended without an address, and printed ${printed}`);
}

test.skipIf(["darwin", "win32"].includes(process.platform))("without a screen the demo is served, and no browser opened", async () => {
  const address = await start({});
  expect(await (await fetch(address)).text()).toContain("<title>");
  expect(existsSync(join(folder, "opened"))).toBe(false);
});

test("on CI no browser is opened, whatever screen there is", async () => {
  const address = await start({ CI: "true", DISPLAY: ":99" });
  expect((await fetch(address)).status).toBe(200);
  expect(existsSync(join(folder, "opened"))).toBe(false);
});

test("with a screen the browser gets the address", async () => {
  const address = await start({ DISPLAY: ":99" });
  await expect.poll(() => readFile(join(folder, "opened"), "utf8").catch(() => ""), patience).toBe(address);
});
