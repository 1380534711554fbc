import { afterEach, beforeEach, expect, test, vi } from "vitest";

/** What the browser's own constructors do under `require-trusted-types-for 'script'`. */
class Trusted {
  constructor(readonly url: string) {}
}
class StrictWorker {
  readonly url: string;
  readonly options: WorkerOptions | undefined;
  constructor(url: unknown, options?: WorkerOptions) {
    if (!(url instanceof Trusted)) throw new TypeError("This document requires 'TrustedScriptURL' assignment.");
    this.url = url.url;
    this.options = options;
  }
}

const names: string[] = [];
const trustedTypes = {
  createPolicy(name: string, { createScriptURL }: { createScriptURL(url: string): string }) {
    if (names.includes(name)) throw new TypeError(`Policy with name "${name}" already exists.`);
    names.push(name);
    return { createScriptURL: (url: string) => new Trusted(createScriptURL(url)) };
  },
};

beforeEach(() => {
  names.length = 0;
  vi.resetModules();
  vi.stubGlobal("Worker", StrictWorker);
});
afterEach(() => vi.unstubAllGlobals());

const load = async () => (await import("./trusted-worker.js")).trusting;
const start = () => new Worker(new URL("https://app.test/worker.js"), { type: "module" }) as unknown as StrictWorker;

test("a worker starts where only trusted URLs are taken, by one policy for all", async () => {
  vi.stubGlobal("trustedTypes", trustedTypes);
  const trusting = await load();
  for (let i = 0; i < 2; i++) {
    expect(trusting("Worker", start)).toMatchObject({ url: "https://app.test/worker.js", options: { type: "module" } });
    expect(Worker).toBe(StrictWorker);
  }
  expect(names).toEqual(["tidepool-db"]);
});

test("nothing else is trusted, also after a start that failed", async () => {
  vi.stubGlobal("trustedTypes", trustedTypes);
  const trusting = await load();
  expect(() =>
    trusting("Worker", () => {
      throw new RangeError("no memory");
    }),
  ).toThrow(RangeError);
  expect(start).toThrow(TypeError);
});

test("where there are no trusted types, or the page allows no policy of this name, the plain URL is tried", async () => {
  class PlainWorker {
    constructor(readonly url: unknown) {}
  }
  vi.stubGlobal("Worker", PlainWorker);
  expect((await load())("Worker", start)).toBeInstanceOf(PlainWorker);
  vi.resetModules();
  vi.stubGlobal("trustedTypes", {
    createPolicy: () => {
      throw new TypeError("Policy disallowed.");
    },
  });
  expect((await load())("Worker", start)).toBeInstanceOf(PlainWorker);
});
