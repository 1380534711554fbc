/**
 * The strictest content security policy under which an application can use the package, for the pages that the tests serve, and
 * what the tests need besides. A browser reports every violation to the server that sent the page.
 */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { REPORTS, type StaticServer } from "../../tools/browser/static-server.js";

/** Import maps have to stand in the page itself, so they are named by their hash. */
export function strictPolicy({ importMap, connect = "" }: { importMap?: string; connect?: string } = {}): Record<string, string> {
  const hash = importMap === undefined ? "" : ` 'sha256-${createHash("sha256").update(importMap).digest("base64")}'`;
  const policy = [
    "default-src 'self'",
    `script-src 'self' 'wasm-unsafe-eval'${hash}`,
    "require-trusted-types-for 'script'",
    ...(connect === "" ? [] : [`connect-src 'self' ${connect}`]),
    // The empty icon, which keeps browsers from asking for one.
    "img-src 'self' data:",
    `report-uri ${REPORTS}`,
  ];
  return { "content-security-policy": policy.join("; ") };
}

/** To be called at the end of a suite, while the server is still there. */
export function expectNoViolations(server: StaticServer): void {
  expect(server.violations).toEqual([]);
}
