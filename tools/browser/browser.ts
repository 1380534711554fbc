/**
 * The browser for the end-to-end tests, always with a profile on disk: a browser without one keeps OPFS in memory, where
 * `flush` does nothing. `openBrowser` is the comfortable way; `spawnBrowser` starts one that a test can kill like a power
 * cut would, process group and all, and start again on the same profile. Which browser it is says `target.ts`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, ConsoleMessage, Page } from "playwright";
import { chromiumPageProcesses, limitChromium, openChromium, spawnChromium } from "./chromium.js";
import { firefoxPageProcesses, limitFirefox, openFirefox, spawnFirefox } from "./firefox.js";
import type { Process } from "./processes.js";
import { type BrowserName, capabilityTable, target } from "./target.js";

/** A profile folder of its own; remove it with {@link removeProfile}. */
export function createProfile(): Promise<string> {
  return mkdtemp(join(tmpdir(), "tidepool-profile-"));
}

export function removeProfile(profile: string): Promise<void> {
  return rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

export interface OpenBrowserOptions {
  /** Default: {@link target}. */
  browser?: BrowserName;
  /** Command-line switches of Chromium; Firefox has no use for them. */
  args?: string[];
  /** Folders of unpacked extensions. */
  extensions?: string[];
  viewport?: { width: number; height: number };
  colorScheme?: "light" | "dark";
}

/** A browser with a persistent profile. Close it with `context.close()`. */
export async function openBrowser(profile: string, options: OpenBrowserOptions = {}): Promise<BrowserContext> {
  const { browser = target } = options;
  assertDriven(browser);
  return browser === "firefox" ? openFirefox(profile, options) : openChromium(profile, options);
}

/** A browser whose end leaves the profile as a crash would. */
export interface SpawnedBrowser {
  readonly context: BrowserContext;
  /** Whether its driver still hears of it. */
  isConnected(): boolean;
  /** SIGKILL for every process of it; resolves when none is left and the profile can be opened again. */
  kill(): Promise<void>;
  /** Asks it to quit, and waits. */
  close(): Promise<void>;
}

export async function spawnBrowser(profile: string, args: string[] = []): Promise<SpawnedBrowser> {
  assertDriven(target);
  return target === "firefox" ? spawnFirefox(profile) : spawnChromium(profile, args);
}

/** The processes in which pages and their workers run. */
export function pageProcesses(profile: string): Promise<Process[]> {
  return target === "firefox" ? firefoxPageProcesses(profile) : chromiumPageProcesses(profile);
}

function assertDriven(browser: BrowserName): void {
  const { driver } = capabilityTable[browser];
  if (driver !== true) throw new Error(`${browser} cannot be driven from outside: ${driver}`);
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

/** For some seconds Chromium goes by how much room IndexedDB had before; a browser that has just started does not. */
export const remembersRoom = target === "chromium";

/** Limits the storage of the page's origin to so many bytes in all, until the function that this resolves with is called. */
export function limitStorage(page: Page, bytes: number): Promise<() => Promise<void>> {
  return target === "firefox" ? limitFirefox(page, bytes) : limitChromium(page, bytes);
}
