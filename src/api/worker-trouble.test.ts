/** What a page is told of a worker that cannot run, by what the browser lets it know. `e2e/worker-trouble.e2e.ts` causes each. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { trusting } from "./trusted-worker.js";
import { workerTrouble } from "./worker-trouble.js";

let answer: () => Response = () => expect.unreachable();

beforeEach(() => {
  vi.stubGlobal("location", new URL("https://app.test/page"));
  vi.stubGlobal("trustedTypes", { createPolicy: (_: string, rules: unknown) => rules });
  vi.stubGlobal("fetch", async () => answer());
});
afterEach(() => vi.unstubAllGlobals());

/** A worker of this URL, or the error of its start. */
function failed(url: string, thrown?: Error): unknown {
  class FailingWorker extends EventTarget {
    constructor(_: string) {
      super();
      if (thrown !== undefined) throw thrown;
    }
  }
  vi.stubGlobal("Worker", FailingWorker);
  try {
    return trusting("Worker", () => new Worker(url));
  } catch (error) {
    return error;
  }
}

const script = (status = 200, type = "text/javascript") => new Response("", { status, headers: { "content-type": type } });

test.each([
  ["from another origin", "https://cdn.test/worker.js", new DOMException("cannot be accessed"), /loaded from https:\/\/cdn\.test.*inline/],
  ["from another origin, told late", "https://cdn.test/worker.js", undefined, /loaded from https:\/\/cdn\.test.*inline/],
  ["by an untrusted URL", "https://app.test/worker.js", new TypeError("Sink type mismatch"), /`trusted-types tidepool-db`/],
  ["from a blob", "blob:https://app.test/1", undefined, /`worker-src blob:`/],
])("a worker that is started %s", async (_, url, thrown, remedy) => {
  const error = await workerTrouble(failed(url, thrown));
  expect(error).toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringMatching(remedy) });
  expect(error.cause).toBe(thrown);
});

test.each([
  ["missing", () => script(404, "text/plain"), /\(status 404, content type text\/plain\).*optimizeDeps: \{ exclude/],
  ["a page", () => script(200, "text/html"), /\(status 200, content type text\/html\).*optimizeDeps/],
  ["there", () => script(), /a policy of the page refuses https:\/\/app\.test\/worker\.js.*`worker-src`/],
])("a worker whose file is %s", async (_, response, remedy) => {
  answer = response;
  const error = await workerTrouble(failed("https://app.test/worker.js"));
  expect(error).toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringMatching(remedy) });
});

test("a worker whose file cannot be reached may be had later", async () => {
  answer = () => {
    throw new TypeError("Failed to fetch");
  };
  const error = await workerTrouble(failed("https://app.test/worker.js"));
  expect(error).toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("Failed to fetch") });
});

test("a worker of the application's own is the application's affair, with what was thrown", async () => {
  const error = await workerTrouble(new DOMException("blocked by policy"));
  expect(error).toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringMatching(/option `worker`.*\(blocked by policy\)/) });
});
