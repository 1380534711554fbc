/** Starting Chromium: launched by its driver, or spawned, so that it can be killed like a power cut would. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright";
import type { OpenBrowserOptions, SpawnedBrowser } from "./browser.js";
import { chromiumArguments } from "./chromium-arguments.js";
import { ensureBrowser } from "./ensure-browser.mjs";
import { type Process, processesNaming, until, untilGone } from "./processes.js";

export async function openChromium(profile: string, options: OpenBrowserOptions): Promise<BrowserContext> {
  const { args = [], extensions = [], viewport, colorScheme } = options;
  const load = extensions.join(",");
  return chromium.launchPersistentContext(profile, {
    executablePath: await ensureBrowser("chromium"),
    headless: true,
    // Playwright's headless shell has no extensions; a full Chromium does, in its new headless mode.
    args: [...chromiumArguments, ...args, ...(load ? [`--disable-extensions-except=${load}`, `--load-extension=${load}`] : [])],
    ignoreDefaultArgs: load ? ["--disable-extensions"] : [],
    ...(viewport ? { viewport } : {}),
    ...(colorScheme ? { colorScheme } : {}),
  });
}

export async function spawnChromium(profile: string, args: string[]): Promise<SpawnedBrowser> {
  await Promise.all(
    ["DevToolsActivePort", "SingletonLock", "SingletonCookie", "SingletonSocket"].map((name) => rm(join(profile, name), { force: true })),
  );
  const child = spawn(
    await ensureBrowser("chromium"),
    ["--headless", ...chromiumArguments, "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...args, "about:blank"],
    { detached: true, stdio: "ignore" },
  );
  const endpoint = await debuggerEndpoint(profile, child);
  const browser = await chromium.connectOverCDP(endpoint);
  const [context] = browser.contexts();
  if (!context) throw new Error("the spawned Chromium has no default context");
  return {
    isConnected: () => browser.isConnected(),
    context,
    kill: () => killGroup(child, profile),
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

/** See `pageProcesses`. */
export async function chromiumPageProcesses(profile: string): Promise<Process[]> {
  return (await processesNaming(profile)).filter(({ commandLine }) => commandLine.includes(" --type=renderer "));
}

async function killGroup(child: ChildProcess, profile: string): Promise<void> {
  if (child.pid === undefined) throw new Error("Chromium was never started");
  process.kill(-child.pid, "SIGKILL");
  await untilGone(profile);
}

/** See `limitStorage`. The limit lasts as long as the session that set it. */
export async function limitChromium(page: Page, bytes: number): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: bytes });
  return () => session.detach();
}
