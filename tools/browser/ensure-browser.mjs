/**
 * Finds the Chromium that the browser tests drive, and installs one where there is none. Run as a program it makes
 * sure of a browser and prints its path; imported, it only looks. A browser that cannot be had is an error with the ways
 * out in it, never a reason to skip a test.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const ELSEWHERE = [
  "/usr/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
];

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
 * Path of a Chromium on this machine, or `null`. `CHROMIUM_PATH` wins, and must be right when it is set.
 *
 * @returns {Promise<string | null>}
 */
export async function findBrowser() {
  const named = process.env["CHROMIUM_PATH"];
  if (named) {
    if (!isExecutable(named)) throw new Error(`CHROMIUM_PATH is ${JSON.stringify(named)}, which is not an executable file.`);
    return named;
  }
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const candidates = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...ELSEWHERE];
  return candidates.find(isExecutable) ?? (await playwrightsOwn());
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

/** Path of a Chromium, installing one when there is none. Throws when none can be had. */
export async function ensureBrowser() {
  const found = await findBrowser();
  if (found) return found;
  if (run("npx", ["--no-install", "playwright", "install", "chromium"])) {
    const own = await findBrowser();
    if (own) return own;
  }
  if (
    isDebianRoot() &&
    run("apt-get", ["update"]) &&
    run("apt-get", ["install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"])
  ) {
    const packaged = await findBrowser();
    if (packaged) return packaged;
  }
  throw new Error(
    "The browser tests need Chromium and none was found or could be installed. " +
      "Install Chromium or Chrome, or set CHROMIUM_PATH to its executable.",
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const path = await ensureBrowser();
    const version = execFileSync(path, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    process.stdout.write(`browser: ${path} (${version})\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
