/**
 * Chromium for the end-to-end tests, always with a profile on disk: a browser without one keeps OPFS in memory, where
 * `flush` does nothing. `openBrowser` is the comfortable way; `spawnBrowser` starts one that a test can kill like a power
 * cut would, process group and all, and start again on the same profile.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, type ConsoleMessage, chromium, type Page } from "playwright";
import { chromiumArguments } from "./chromium-arguments.js";
import { ensureBrowser } from "./ensure-browser.mjs";

/** A profile folder of its own; remove it with {@link removeProfile}. */
export function createProfile(): Promise<string> {
  return mkdtemp(join(tmpdir(), "tidepool-profile-"));
}

export function removeProfile(profile: string): Promise<void> {
  return rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

export interface OpenBrowserOptions {
  /** Added to {@link chromiumArguments}. */
  args?: string[];
  /** Folders of unpacked extensions. */
  extensions?: string[];
  viewport?: { width: number; height: number };
  colorScheme?: "light" | "dark";
}

/** Chromium with a persistent profile. Close it with `context.close()`. */
export async function openBrowser(profile: string, options: OpenBrowserOptions = {}): Promise<BrowserContext> {
  const { args = [], extensions = [], viewport, colorScheme } = options;
  const load = extensions.join(",");
  return chromium.launchPersistentContext(profile, {
    executablePath: await ensureBrowser(),
    headless: true,
    // Playwright's headless shell has no extensions; a full Chromium does, in its new headless mode.
    args: [...chromiumArguments, ...args, ...(load ? [`--disable-extensions-except=${load}`, `--load-extension=${load}`] : [])],
    ignoreDefaultArgs: load ? ["--disable-extensions"] : [],
    ...(viewport ? { viewport } : {}),
    ...(colorScheme ? { colorScheme } : {}),
  });
}

/** A Chromium that was spawned, not launched: killing it leaves the profile as a crash would. */
export interface SpawnedBrowser {
  readonly browser: Browser;
  readonly context: BrowserContext;
  /** SIGKILL for every process of it; resolves when none is left and the profile can be opened again. */
  kill(): Promise<void>;
  /** Asks it to quit, and waits. */
  close(): Promise<void>;
}

export async function spawnBrowser(profile: string, args: string[] = []): Promise<SpawnedBrowser> {
  await Promise.all(
    ["DevToolsActivePort", "SingletonLock", "SingletonCookie", "SingletonSocket"].map((name) => rm(join(profile, name), { force: true })),
  );
  const child = spawn(
    await ensureBrowser(),
    ["--headless", ...chromiumArguments, "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...args, "about:blank"],
    { detached: true, stdio: "ignore" },
  );
  const endpoint = await debuggerEndpoint(profile, child);
  const browser = await chromium.connectOverCDP(endpoint);
  const [context] = browser.contexts();
  if (!context) throw new Error("the spawned Chromium has no default context");
  return {
    browser,
    context,
    kill: () => killGroup(child, profile, "SIGKILL"),
    close: async () => {
      const session = await browser.newBrowserCDPSession();
      await session.send("Browser.close").catch(() => undefined);
      await untilGone(profile);
    },
  };
}

/** Chromium writes the port it chose into its profile once it listens. */
async function debuggerEndpoint(profile: string, child: ChildProcess): Promise<string> {
  return until(20_000, "Chromium to listen for its debugger", async () => {
    if (child.exitCode !== null) throw new Error(`Chromium exited with code ${child.exitCode} while starting`);
    const text = await readFile(join(profile, "DevToolsActivePort"), "utf8").catch(() => "");
    const [port, path] = text.split("\n");
    return port && path ? `ws://127.0.0.1:${port}${path}` : null;
  });
}

async function killGroup(child: ChildProcess, profile: string, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined) throw new Error("Chromium was never started");
  process.kill(-child.pid, signal);
  await untilGone(profile);
}

/** Children of Chromium may outlive their group's leader for a moment, with the profile's files still open. */
async function untilGone(profile: string): Promise<void> {
  await until(20_000, `the processes that use ${profile} to end`, async () => ((await processesNaming(profile)) === 0 ? true : null));
}

async function processesNaming(text: string): Promise<number> {
  if (process.platform !== "linux") throw new Error("Killing a spawned Chromium is written for Linux.");
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(text)).length;
}

async function until<T>(timeoutMs: number, what: string, probe: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== null) return value;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Everything a page complained about: console errors and uncaught exceptions. A clean run leaves it empty. */
export function collectErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("console", (message: ConsoleMessage) => {
    if (message.type() === "error") errors.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => errors.push(`uncaught: ${error.stack ?? error.message}`));
  return errors;
}

/** Limits the origin's storage to so many bytes, until the function that this resolves with is called. */
export async function limitStorage(page: Page, bytes: number): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: bytes });
  // The limit lasts as long as the session that set it.
  return () => session.detach();
}
