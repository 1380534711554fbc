/** Starting Firefox, the program that people have, over WebDriver BiDi. */
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, firefox, type Page } from "playwright";
import type { OpenBrowserOptions, SpawnedBrowser } from "./browser.js";
import { ensureBrowser } from "./ensure-browser.mjs";
import { type Process, processesNaming, untilGone } from "./processes.js";

/** What one site may store: small enough to be filled in a test. Firefox grants each a fifth of all room. */
const SITE_KILOBYTES = 512 * 1024;

/** As persons answer: a profile that was killed starts anew, and asking for persistent storage needs nobody. */
export const firefoxPreferences = {
  "toolkit.startup.max_resumed_crashes": -1,
  "dom.storageManager.prompt.testing": true,
  "dom.storageManager.prompt.testing.allow": true,
  "dom.quotaManager.temporaryStorage.fixedLimit": 5 * SITE_KILOBYTES,
};

/** Outlives the processes of its pages, as the browser that people have does. Its driver starts it otherwise. */
const launcher = fileURLToPath(new URL("firefox.sh", import.meta.url));

/** No process is started before there is a page for it, so that what starts with a page is the page's. */
const ownProcesses = { "dom.ipc.processPrelaunch.enabled": false };

/** What Firefox does for people when it starts, and no test looks at: a third of the work. */
const unasked = {
  "services.settings.load_dump": false,
  "security.remote_settings.intermediates.enabled": false,
  "security.remote_settings.crlite_filters.enabled": false,
  "app.normandy.enabled": false,
  "messaging-system.rsexperimentloader.enabled": false,
  "browser.search.serpEventTelemetryCategorization.enabled": false,
  "browser.urlbar.quicksuggest.enabled": false,
  "browser.topsites.useRemoteSetting": false,
  "browser.ml.enable": false,
  "browser.translations.enable": false,
  "reader.parse-on-load.enabled": false,
  "accessibility.force_disabled": 1,
  "extensions.formautofill.addresses.enabled": false,
  "extensions.formautofill.creditCards.enabled": false,
  "toolkit.telemetry.enabled": false,
  "toolkit.telemetry.unified": false,
};

/** What BiDi cannot emulate must not be asked for. */
export const unemulated = { colorScheme: null, reducedMotion: null, forcedColors: null, contrast: null } as const;

export async function openFirefox(profile: string, options: OpenBrowserOptions): Promise<BrowserContext> {
  if (options.extensions?.length) throw new Error("Firefox's driver loads no extension from a folder.");
  const isNew = (await readdir(profile).catch(() => [])).length === 0;
  if (isNew) await copyProfile(await usedProfile(), profile);
  return launch(profile, options);
}

async function launch(profile: string, options: OpenBrowserOptions): Promise<BrowserContext> {
  return firefox.launchPersistentContext(profile, {
    channel: "moz-firefox",
    executablePath: launcher,
    env: { ...process.env, TIDEPOOL_FIREFOX: await ensureBrowser("firefox") },
    headless: true,
    firefoxUserPrefs: { ...firefoxPreferences, ...unasked, ...ownProcesses, ...colors(options.colorScheme) },
    ...unemulated,
    ...(options.viewport ? { viewport: options.viewport } : {}),
  });
}

/** `ui.systemUsesDarkTheme` is what Firefox takes the system's answer from. */
function colors(scheme: "light" | "dark" | undefined): Record<string, number> {
  return scheme === undefined ? {} : { "ui.systemUsesDarkTheme": scheme === "dark" ? 1 : 0 };
}

const cache = fileURLToPath(new URL("../../.cache", import.meta.url));

/** A profile that this Firefox was closed with once, and that has seen no site: with a new one it compiles its own code anew. */
export async function usedProfile(): Promise<string> {
  const { mtimeMs } = await stat(await ensureBrowser("firefox"));
  const used = join(cache, `firefox-profile-${Math.floor(mtimeMs)}`);
  if (await stat(used).catch(() => null)) return used;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(`${used}-`);
  const context = await launch(fresh, {});
  await (await context.newPage()).close();
  await context.close();
  // Where another process was faster, its own is there.
  await rename(fresh, used).catch(() => rm(fresh, { recursive: true }));
  return used;
}

/** Links are locks. */
function copyProfile(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, filter: (path) => !["lock", ".parentlock"].includes(basename(path)) });
}

export async function spawnFirefox(profile: string): Promise<SpawnedBrowser> {
  await Promise.all(["lock", ".parentlock"].map((name) => rm(join(profile, name), { force: true })));
  const context = await openFirefox(profile, {});
  return {
    isConnected: () => context.browser()?.isConnected() ?? false,
    context,
    kill: async () => {
      const { pid } = await leaderOf(profile);
      process.kill(-pid, "SIGKILL");
      await untilGone(profile);
      await untilGone(childrenOf(pid));
    },
    close: async () => {
      await context.close();
      await untilGone(profile);
    },
  };
}

async function leaderOf(profile: string): Promise<Process> {
  const [leader] = (await processesNaming(profile)).filter(({ commandLine }) => !commandLine.includes("contentproc"));
  if (leader === undefined) throw new Error(`no Firefox uses ${profile}`);
  return leader;
}

/** In the command lines of the others, which do not name the profile. */
const childrenOf = (leader: number): string => `-parentPid ${leader} `;

/** See `pageProcesses`. */
export async function firefoxPageProcesses(profile: string): Promise<Process[]> {
  const children = await processesNaming(childrenOf((await leaderOf(profile)).pid));
  return children.filter(({ commandLine }) => commandLine.endsWith(" tab"));
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
