/** Starting Firefox, the program that people have, over WebDriver BiDi. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type BrowserContext, firefox, type Page } from "playwright";
import type { OpenBrowserOptions, SpawnedBrowser } from "./browser.js";
import { ensureBrowser } from "./ensure-browser.mjs";
import { processesNaming, untilGone } from "./processes.js";

/** What one site may store: small enough to be filled in a test. Firefox grants each a fifth of all room. */
const SITE_KILOBYTES = 512 * 1024;

/** As persons answer: a profile that was killed starts anew, and asking for persistent storage needs nobody. */
export const firefoxPreferences = {
  "toolkit.startup.max_resumed_crashes": -1,
  "dom.storageManager.prompt.testing": true,
  "dom.storageManager.prompt.testing.allow": true,
  "dom.quotaManager.temporaryStorage.fixedLimit": 5 * SITE_KILOBYTES,
};

/** What BiDi cannot emulate must not be asked for. */
export const unemulated = { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null } as const;

export async function openFirefox(profile: string, options: OpenBrowserOptions): Promise<BrowserContext> {
  if (options.extensions?.length) throw new Error("Firefox's driver loads no extension from a folder.");
  return firefox.launchPersistentContext(profile, {
    channel: "moz-firefox",
    executablePath: await ensureBrowser("firefox"),
    headless: true,
    firefoxUserPrefs: { ...firefoxPreferences, ...colors(options.colorScheme) },
    ...unemulated,
    ...(options.viewport ? { viewport: options.viewport } : {}),
  });
}

/** `ui.systemUsesDarkTheme` is what Firefox takes the system's answer from. */
function colors(scheme: "light" | "dark" | undefined): Record<string, number> {
  return scheme === undefined ? {} : { "ui.systemUsesDarkTheme": scheme === "dark" ? 1 : 0 };
}

export async function spawnFirefox(profile: string): Promise<SpawnedBrowser> {
  await Promise.all(["lock", ".parentlock"].map((name) => rm(join(profile, name), { force: true })));
  const context = await openFirefox(profile, {});
  return {
    isConnected: () => context.browser()?.isConnected() ?? false,
    context,
    kill: async () => {
      const [leader] = (await processesNaming(profile)).filter(({ commandLine }) => !commandLine.includes("contentproc"));
      if (leader === undefined) throw new Error(`no Firefox uses ${profile}`);
      process.kill(-leader.pid, "SIGKILL");
      await untilGone(profile);
    },
    close: async () => {
      await context.close();
      await untilGone(profile);
    },
  };
}

const FILLER = "tidepool-tests-filler";

/** See `limitStorage`: a file takes the room that is not to be had, and gives it back. */
export async function limitFirefox(page: Page, bytes: number): Promise<() => Promise<void>> {
  await page.evaluate(
    async ({ name, bytes }) => {
      const { usage, quota } = await navigator.storage.estimate();
      const file = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
      const writable = await file.createWritable();
      await writable.truncate(Math.max(0, quota! - Math.max(bytes, usage!)));
      await writable.close();
    },
    { name: FILLER, bytes },
  );
  return () => page.evaluate(async (name) => (await navigator.storage.getDirectory()).removeEntry(name), FILLER);
}
