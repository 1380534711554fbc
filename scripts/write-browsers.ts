/**
 * Writes `docs/browsers.md` from what the suites last reported: `node scripts/run.mjs scripts/write-browsers.ts`, after the runs
 * that are to be told of (`npm run test:browser`, `npm run test:e2e`, each with `--browser`). A run that failed is not told of.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { findBrowser } from "../tools/browser/ensure-browser.mjs";
import { type BrowserName, type Capabilities, capabilityTable } from "../tools/browser/target.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const suites = ["browser", "e2e"] as const;
const browsers = Object.keys(capabilityTable) as BrowserName[];

type Suite = (typeof suites)[number];

interface Report {
  success: boolean;
  numPassedTests: number;
  testResults: { name: string; assertionResults: { fullName: string; status: string }[] }[];
}

interface Run {
  suite: Suite;
  browser: BrowserName;
  report: Report;
}

const titles: Record<keyof Capabilities, string> = {
  driver: "is driven from outside, as the end-to-end tests need",
  accessHandles: "has synchronous access handles, and so storage `opfs`",
  relaxedSimd: "has WebAssembly's relaxed SIMD",
  devtools: "obeys a debugger: freezing a page, clearing site data",
  extensions: "takes extensions from a folder",
  downloads: "tells of files that a page saves",
  backForwardCache: "tells what becomes of a page in the back/forward cache",
};

function runs(): Run[] {
  return browsers.flatMap((browser) => suites.flatMap((suite) => read(suite, browser)));
}

function read(suite: Suite, browser: BrowserName): Run[] {
  const file = `${root}.cache/test-results/${suite}.${browser}.json`;
  if (!existsSync(file)) return [];
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  if (!report.success) throw new Error(`${file} tells of a run that failed: mend it and run it again`);
  return [{ suite, browser, report }];
}

/** MiniBrowser tells its version only where there is a display, so the package is asked. */
async function version(browser: BrowserName): Promise<string> {
  if (browser === "webkit") return `WebKitGTK ${asked("dpkg-query", ["--show", "libwebkit2gtk-4.1-0"]).split("\t")[1]}`;
  const path = await findBrowser(browser);
  if (path === null) throw new Error(`there is no ${browser} on this machine to ask for its version`);
  return asked(path, ["--version"]);
}

function asked(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}

function left({ report }: Run): string[] {
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status !== "passed").map(({ fullName }) => fullName.trim()),
  );
}

function passedByFile({ report }: Run): Map<string, number> {
  return new Map(
    report.testResults.map(({ name, assertionResults }) => [
      relative(root, name),
      assertionResults.filter(({ status }) => status === "passed").length,
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function files(all: readonly Run[]): string {
  const counts = all.map((run) => passedByFile(run));
  const names = [...new Set(counts.flatMap((count) => [...count.keys()]))].sort();
  const passed = (name: string, browser: BrowserName): string => {
    const found = all.flatMap((run, i) => (run.browser === browser ? [counts[i]!.get(name) ?? 0] : [])).reduce((sum, n) => sum + n, 0);
    return found === 0 ? "–" : String(found);
  };
  return table(
    ["file", ...browsers],
    names.map((name) => [`\`${name}\``, ...browsers.map((browser) => passed(name, browser))]),
  );
}

function capabilities(): string {
  const cell = (value: true | string): string => (value === true ? "yes" : `no: ${value}`);
  return table(
    ["the browser …", ...browsers],
    (Object.keys(titles) as (keyof Capabilities)[]).map((key) => [
      titles[key],
      ...browsers.map((browser) => cell(capabilityTable[browser][key])),
    ]),
  );
}

async function page(all: readonly Run[]): Promise<string> {
  const summary = await Promise.all(
    all.map(async (run) => [await version(run.browser), run.suite, String(run.report.numPassedTests), "0", String(left(run).length)]),
  );
  const notRun = all.flatMap((run) => left(run).map((test) => `- ${run.browser}: ${test}`));
  return `# Browsers

What was run where. This page is written by \`node scripts/run.mjs scripts/write-browsers.ts\` from the reports of the suites
(\`npm run test:browser\` and \`npm run test:e2e\`, each with \`-- --browser chromium|firefox|webkit\`). The suite \`browser\` runs
inside the browser, with the real worker, kernel and storages; \`e2e\` drives the built package from outside. MiniBrowser is
WebKitGTK, not Safari: Safari's own storage has not been tried.

${table(["browser", "suite", "passed", "failed", "not run"], summary)}

## What differs

What a test needs of a browser it names, from this table (\`tools/browser/target.ts\`):

${capabilities()}

Not run for want of that:

${notRun.length === 0 ? "Nothing." : notRun.join("\n")}

## By file

Tests that passed. Files that open no page, and the examples of the documentation, are run beside Chromium alone.

${files(all)}
`;
}

writeFileSync(`${root}docs/browsers.md`, await page(runs()));
