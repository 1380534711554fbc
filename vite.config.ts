/**
 * The test suites, one vitest project each: `unit` runs in Node, `browser` inside a headless browser, `e2e` in Node and
 * drives one from outside (`tools/browser/target.ts` says which). The library itself is built by `scripts/build.mjs`.
 */
import { fileURLToPath } from "node:url";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumArguments } from "./tools/browser/chromium-arguments.js";
import { findBrowser } from "./tools/browser/ensure-browser.mjs";
import { firefoxPreferences, unemulated } from "./tools/browser/firefox.js";
import { isTriedIn, leftOut } from "./tools/browser/left-out.mjs";
import { askNearlyFull } from "./tools/browser/nearly-full.js";
import { capabilities, target } from "./tools/browser/target.js";
import { miniBrowser } from "./tools/browser/webkit.js";

const executablePath = (await findBrowser(target)) ?? undefined;

const providers = {
  chromium: () => playwright({ launchOptions: { executablePath, args: chromiumArguments } }),
  firefox: () =>
    playwright({
      launchOptions: { executablePath, channel: "moz-firefox", firefoxUserPrefs: firefoxPreferences },
      contextOptions: unemulated,
    }),
  webkit: () => miniBrowser,
};

export default defineConfig({
  // What a browser test imports must not be found late: vite would bundle it in mid-test, and the worker's imports of the
  // moment would fail. Of the worker vite's own scan sees nothing, since it is named by a URL.
  optimizeDeps: {
    entries: [
      "src/**/*.browser.test.ts",
      "src/worker/worker.ts",
      "src/worker/hnswlib-worker.ts",
      "src/sentence-encoder/encoder-worker.ts",
      "src/api/hashing/hashing-worker.ts",
    ],
    include: ["fast-check", "react", "react-dom", "react-dom/client"],
  },
  test: {
    projects: [
      {
        extends: true,
        // The demo's own tests run before anything is built.
        resolve: {
          alias: [
            { find: /^tidepool-db$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
            { find: /^tidepool-db\/copy$/, replacement: fileURLToPath(new URL("src/copy.ts", import.meta.url)) },
            { find: /^tidepool-db\/sync$/, replacement: fileURLToPath(new URL("src/sync.ts", import.meta.url)) },
          ],
        },
        test: {
          name: "unit",
          environment: "node",
          // By itself vitest leaves a core unused.
          maxWorkers: "100%",
          // Far above what any test takes: a busy machine is no failure.
          testTimeout: 300_000,
          hookTimeout: 60_000,
          include: ["{src,scripts,tools,demo,e2e,bench}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.browser.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["{src,demo}/**/*.browser.test.ts"],
          exclude: leftOut("browser", target),
          globalSetup: "tools/browser/prepare.ts",
          testTimeout: 60_000,
          fileParallelism: false,
          provide: { capabilities, everyCase: isTriedIn(target) },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: providers[target](),
            instances: [{ browser: target }],
            commands: { askNearlyFull },
          },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          environment: "node",
          include: ["e2e/**/*.e2e.ts"],
          exclude: leftOut("e2e", target),
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          isolate: false,
          globalSetup: "tools/browser/prepare.ts",
          setupFiles: "tools/fresh-modules.ts",
          // Of those of one file that do not mind each other.
          maxConcurrency: 2,
        },
      },
    ],
  },
});
