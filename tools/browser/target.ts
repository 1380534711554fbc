/**
 * Which browser the suites drive, and what can be done to it from outside. `TIDEPOOL_BROWSER` names it; `npm run test:e2e --
 * --browser firefox` sets that. A test that needs what a browser does not offer names the capability; what then does not run
 * is listed, with the reason given here, in `docs/browsers.md`.
 */

declare module "vitest" {
  /** In tests that run inside a browser: `inject("capabilities")`. */
  interface ProvidedContext {
    capabilities: Capabilities;
    /** Whether cases are all tried whose number has nothing to do with the browser; elsewhere a few are enough. */
    everyCase: boolean;
  }
}

export type BrowserName = "chromium" | "firefox" | "webkit";

/** What the tests do to a browser, beyond opening pages in it. A reason says why it cannot be done. */
export interface Capabilities {
  /** Opening pages from outside, as the end-to-end tests do. */
  driver: true | string;
  /** Synchronous access handles in workers, and so storage "opfs". */
  accessHandles: true | string;
  /** The relaxed SIMD instructions of WebAssembly. */
  relaxedSimd: true | string;
  /** Its debugger's protocol: freezing a page, clearing site data, counting what it holds. */
  devtools: true | string;
  /** Loading unpacked extensions. */
  extensions: true | string;
  /** Hearing of what a page saves as a file. */
  downloads: true | string;
  /** Seeing a page put into the back/forward cache and brought back. */
  backForwardCache: true | string;
}

const noDevtools = "it is driven over WebDriver BiDi, which has no such command";
const undriven = "MiniBrowser opens a page and obeys nobody";

export const capabilityTable: Record<BrowserName, Capabilities> = {
  chromium: {
    driver: true,
    accessHandles: true,
    relaxedSimd: true,
    devtools: true,
    extensions: true,
    downloads: true,
    backForwardCache: true,
  },
  firefox: {
    driver: true,
    accessHandles: true,
    relaxedSimd: true,
    devtools: noDevtools,
    extensions: "its driver loads none from a folder",
    downloads: "its driver does not tell of them",
    backForwardCache: true,
  },
  webkit: {
    driver: undriven,
    accessHandles: "WebKitGTK has no `navigator.storage` by default",
    relaxedSimd: "off by default",
    devtools: undriven,
    extensions: undriven,
    downloads: undriven,
    backForwardCache: undriven,
  },
};

/** The browser of this run. */
export const target: BrowserName = chosen(process.env["TIDEPOOL_BROWSER"] ?? "chromium");

export const capabilities: Capabilities = capabilityTable[target];

/** For `test.runIf`. */
export function can(capability: keyof Capabilities): boolean {
  return capabilities[capability] === true;
}

function chosen(name: string): BrowserName {
  if (Object.hasOwn(capabilityTable, name)) return name as BrowserName;
  throw new Error(`TIDEPOOL_BROWSER must be one of ${Object.keys(capabilityTable).join(", ")}, got ${JSON.stringify(name)}`);
}
