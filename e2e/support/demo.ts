/** The demo as it is built and served, under the strict policy, from a host that knows nothing but files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { build } from "vite";
import { beforeAll } from "vitest";
import { collectErrors } from "../../tools/browser/browser.js";
import { type StaticServer, serveFolder } from "../../tools/browser/static-server.js";
import { strictPolicy } from "./strict-policy.js";
import { type Suite, useSuite } from "./suite.js";

export async function serveDemo(): Promise<StaticServer> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-demo-"));
  const root = fileURLToPath(new URL("../../demo", import.meta.url));
  await build({ root, logLevel: "warn", build: { outDir: folder, emptyOutDir: true } });
  const server = await serveFolder(folder, { headers: strictPolicy() });
  return {
    ...server,
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface DemoSuite extends Suite {
  /** Not at the demo yet. */
  page: Page;
  /** What the page complains of. */
  errors: string[];
}

/** As `useSuite`, with a page of a laptop's size. */
export function useDemo(): DemoSuite {
  const suite = useSuite(serveDemo, { viewport: { width: 1280, height: 800 } }) as DemoSuite;
  beforeAll(async () => {
    suite.page = await suite.context.newPage();
    suite.errors = collectErrors(suite.page);
  });
  return suite;
}
