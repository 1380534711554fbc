import { describe, expect, test } from "vitest";
import { failureOf } from "../../testing/failure-of.js";
import { answerFromPages, isOwnCall } from "./service-worker.js";

const APP = "https://app.test";
const CHROMA = "http://localhost:8000";

/** A request as a service worker sees it; what the browser alone can set is laid over it. */
function seen(url: string, parts: Partial<Record<"mode" | "destination" | "referrer", string>> = {}, headers: HeadersInit = {}): Request {
  const request = new Request(url);
  const shown = { url, mode: "cors", destination: "", referrer: "about:client", headers: new Headers(headers), ...parts };
  return new Proxy(request, { get: (_, name) => shown[name as keyof typeof shown] });
}

describe("a service worker answers", () => {
  test.each([
    ["a script's fetch", seen(`${APP}/api/v2/reset`), APP],
    ["one of the mode same-origin", seen(`${APP}/api/v2/reset`, { mode: "same-origin", referrer: `${APP}/page` }), APP],
    ["one without a referrer", seen(`${APP}/api/v2`, { referrer: "" }), APP],
    ["headers that agree", seen(`${APP}/api/v2`, {}, { origin: APP, "sec-fetch-site": "same-origin" }), APP],
    [
      "Chroma's client at its server's origin",
      seen(`${CHROMA}/api/v2/heartbeat`, {}, { origin: APP, "sec-fetch-site": "cross-site" }),
      CHROMA,
    ],
    ["its document", seen(`${CHROMA}/openapi.json`), CHROMA],
  ])("%s", (_, request, origin) => {
    expect(isOwnCall(request, origin, APP)).toBe(true);
  });

  test.each<[string, Request]>([
    ["a navigation", seen(`${APP}/api/v2/reset`, { mode: "navigate", destination: "document" })],
    ["a navigation that says it is for nothing", seen(`${APP}/api/v2/reset`, { mode: "navigate" })],
    ["a request without CORS", seen(`${APP}/api/v2/reset`, { mode: "no-cors" })],
    ["a frame", seen(`${APP}/api/v2/reset`, { mode: "navigate", destination: "iframe" })],
    ...["image", "script", "style", "worker", "report", "object", "audio"].map(
      (destination) => [`the destination ${destination}`, seen(`${APP}/api/v2/reset`, { destination })] as [string, Request],
    ),
    ["another site's origin", seen(`${APP}/api/v2/reset`, {}, { origin: "https://other.test" })],
    ["an opaque origin", seen(`${APP}/api/v2/reset`, {}, { origin: "null" })],
    ["another site by its header", seen(`${APP}/api/v2/reset`, {}, { "sec-fetch-site": "cross-site" })],
    ["another port by its header", seen(`${APP}/api/v2/reset`, {}, { "sec-fetch-site": "same-site" })],
    ["another site by its referrer", seen(`${APP}/api/v2/reset`, { referrer: "https://other.test/" })],
    ["the application's page", seen(`${APP}/`)],
    ["the application's files", seen(`${APP}/openapi.json`)],
    ["paths that only begin like the API's", seen(`${APP}/api/v2x`)],
    ["another origin's API", seen("https://other.test/api/v2")],
  ])("not %s", (_, request) => {
    expect(isOwnCall(request, APP, APP)).toBe(false);
  });

  test("no URL that has no origin of its own", () => {
    for (const url of ["data:,x", "blob:https://app.test/x", "about:blank", "file:///x", "nonsense", ""]) {
      expect(
        failureOf(() => answerFromPages({ url })),
        url,
      ).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });
});
