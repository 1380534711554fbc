/** What most files of tests begin and end with: something served, and one browser with a profile of its own. */
import type { BrowserContext } from "playwright";
import { afterAll, beforeAll } from "vitest";
import { createProfile, type OpenBrowserOptions, openBrowser, removeProfile } from "../../tools/browser/browser.js";
import type { StaticServer } from "../../tools/browser/static-server.js";
import { expectNoViolations } from "./strict-policy.js";

export interface Suite {
  app: StaticServer;
  profile: string;
  /** A test that closes it puts another one in its place. */
  context: BrowserContext;
}

/** To be called at the top of a file. What it returns is filled in before the first test, and taken down after the last. */
export function useSuite(serve: () => Promise<StaticServer>, options: OpenBrowserOptions = {}): Suite {
  const suite = {} as Suite;
  beforeAll(async () => {
    suite.app = await serve();
    suite.profile = await createProfile();
    suite.context = await openBrowser(suite.profile, options);
  });
  afterAll(async () => {
    await suite.context?.close();
    await suite.app?.close();
    if (suite.profile) await removeProfile(suite.profile);
    expectNoViolations(suite.app);
  });
  return suite;
}
