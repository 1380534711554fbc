/** The demo as it is built and served, under the strict policy. */
import type { Page } from "playwright";
import { beforeAll } from "vitest";
import { collectErrors } from "../../tools/browser/browser.js";
import { serveDemo } from "../../tools/serve-demo.js";
import { strictPolicy } from "./strict-policy.js";
import { type Suite, useSuite } from "./suite.js";

export interface DemoSuite extends Suite {
  /** Not at the demo yet. */
  page: Page;
  /** What the page complains of. */
  errors: string[];
}

/** As `useSuite`, with a page of a laptop's size. */
export function useDemo(): DemoSuite {
  const suite = useSuite(() => serveDemo({ headers: strictPolicy() }), { viewport: { width: 1280, height: 800 } }) as DemoSuite;
  beforeAll(async () => {
    suite.page = await suite.context.newPage();
    suite.errors = collectErrors(suite.page);
  });
  return suite;
}
