/**
 * The test suites, one vitest project each: `unit` runs in Node, `browser` inside headless Chromium, `e2e` in Node and
 * drives Chromium from outside. The library itself is built by `scripts/build.mjs`.
 */
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { chromiumArguments } from "./e2e/chromium-arguments.js";
import { findBrowser } from "./scripts/ensure-browser.mjs";

const executablePath = (await findBrowser()) ?? undefined;

export default defineConfig({
  // Nothing that a browser test imports may be found late: vite would reload the page in mid-test to pre-bundle it.
  optimizeDeps: { include: ["apache-arrow", "comlink", "fast-check", "idb", "minisearch"] },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          environment: "node",
          // Far above what any test takes: a busy machine is no failure.
          testTimeout: 60_000,
          include: ["{src,scripts,demo,e2e,bench}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/*.browser.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["{src,demo}/**/*.browser.test.ts"],
          testTimeout: 60_000,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath, args: chromiumArguments } }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          environment: "node",
          include: ["e2e/**/*.e2e.ts"],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
