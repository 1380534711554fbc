/**
 * Finds the browsers that the tests drive, and installs one where there is none. Run as a program it makes sure of those
 * named on the command line (`chromium` when none is) and prints their paths; imported, it only looks. A browser that cannot
 * be had is an error with the ways out in it, never a reason to skip a test.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

/** @typedef {"chromium" | "firefox" | "webkit"} BrowserName */

/** @typedef {{ title: string, variable: string, names: string[], elsewhere: string[], playwright: boolean, packages: string[] }} Browser */

/** @type {Record<BrowserName, Browser>} */
const browsers = {
  chromium: {
    title: "Chromium",
    variable: "CHROMIUM_PATH",
    names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
    elsewhere: [
      "/usr/bin/chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
      "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
    ],
    playwright: true,
    packages: ["chromium", "fonts-liberation"],
  },
  firefox: {
    title: "Firefox",
    variable: "FIREFOX_PATH",
    names: ["firefox-esr", "firefox"],
    elsewhere: [
      "/usr/bin/firefox-esr",
      "/Applications/Firefox.app/Contents/MacOS/firefox",
      "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
    ],
    // Playwright's own build is another program than the one that people have; the tests drive the latter.
    playwright: false,
    packages: ["firefox-esr", "fonts-liberation"],
  },
  webkit: {
    title: "WebKitGTK's MiniBrowser",
    variable: "MINIBROWSER_PATH",
    names: ["MiniBrowser"],
    elsewhere: ["/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser", "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser"],
    playwright: false,
    packages: ["libwebkit2gtk-4.1-0", "xvfb", "fonts-liberation"],
  },
};

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function playwrightsOwn() {
  const { chromium } = await import("playwright");
  const path = chromium.executablePath();
  return path !== "" && existsSync(path) ? path : null;
}

/**
 * Path of the browser on this machine, or `null`. `CHROMIUM_PATH` or `FIREFOX_PATH` wins, and must be right when it is set.
 *
 * @param {BrowserName} [name]
 * @returns {Promise<string | null>}
 */
export async function findBrowser(name = "chromium") {
  const { variable, names, elsewhere, playwright } = browsers[name];
  const named = process.env[variable];
  if (named) {
    if (!isExecutable(named)) throw new Error(`${variable} is ${JSON.stringify(named)}, which is not an executable file.`);
    return named;
  }
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const candidates = [...folders.flatMap((folder) => names.map((file) => join(folder, file))), ...elsewhere];
  return candidates.find(isExecutable) ?? (playwright ? await playwrightsOwn() : null);
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
  process.stderr.write(`no browser here: trying ${command} ${args.join(" ")}\n`);
  const { status } = spawnSync(command, args, {
    stdio: ["ignore", 2, 2],
    timeout: 10 * 60_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return status === 0;
}

function isDebianRoot() {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get");
}

/** Path of the browser, installing it when there is none. Throws when it cannot be had. @param {BrowserName} [name] */
export async function ensureBrowser(name = "chromium") {
  const { title, variable, playwright, packages } = browsers[name];
  const found = await findBrowser(name);
  if (found) return found;
  if (playwright && run("npx", ["--no-install", "playwright", "install", name])) {
    const own = await findBrowser(name);
    if (own) return own;
  }
  if (isDebianRoot() && run("apt-get", ["update"]) && run("apt-get", ["install", "-y", "--no-install-recommends", ...packages])) {
    const packaged = await findBrowser(name);
    if (packaged) return packaged;
  }
  throw new Error(`These tests need ${title} and none was found or could be installed. Install it, or set ${variable} to its executable.`);
}

/** @param {string} name @returns {name is BrowserName} */
function isBrowserName(name) {
  return Object.hasOwn(browsers, name);
}

/** @param {string} name */
async function report(name) {
  if (!isBrowserName(name)) throw new Error(`a browser must be one of ${Object.keys(browsers).join(", ")}, got ${JSON.stringify(name)}`);
  const path = await ensureBrowser(name);
  const version = execFileSync(path, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  process.stdout.write(`browser: ${path} (${version})\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const names = process.argv.slice(2);
    for (const name of names.length > 0 ? names : ["chromium"]) await report(name);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
