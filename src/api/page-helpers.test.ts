/** Helpers that the page starts for the engine's worker: what each side hears, and that none outlives the way to the engine. */
import { afterEach, expect, test, vi } from "vitest";
import { memoryHost } from "../testing/client.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient } from "./client.js";
import { PageHelpers } from "./page-helpers.js";

class FakeHelper extends EventTarget {
  static made: FakeHelper[] = [];
  readonly sent: Transferable[][] = [];
  isTerminated = false;
  readonly url: unknown;
  readonly options: unknown;

  constructor(url: unknown, options: unknown) {
    super();
    this.url = url;
    this.options = options;
    FakeHelper.made.push(this);
  }

  postMessage(_message: null, ports: Transferable[]): void {
    this.sent.push(ports);
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

const ports: MessagePort[] = [];
afterEach(() => {
  FakeHelper.made = [];
  for (const port of ports.splice(0)) port.close();
  vi.unstubAllGlobals();
});

function channel(): { port1: MessagePort; port2: MessagePort; heard: Promise<unknown> } {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  return { port1, port2, heard: new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data))) };
}

test("a helper gets the port to the engine once it runs, and only then", () => {
  vi.stubGlobal("Worker", FakeHelper);
  const helpers = new PageHelpers();
  const { port2 } = channel();
  helpers.onRequest({ type: "helper", name: "tidepool-helper:1", url: "https://app/cores.js" }, port2);
  const [helper] = FakeHelper.made;
  expect(helper).toMatchObject({ url: "https://app/cores.js", options: { type: "module", name: "tidepool-helper:1" }, sent: [] });
  helper!.dispatchEvent(new MessageEvent("message"));
  expect(helper!.sent).toEqual([[port2]]);
});

test.each([
  ["Refused", "Refused"],
  ["", "it could not be loaded: do the page's policies allow it?"],
])("the engine hears why a helper does not run: %j", async (message, why) => {
  vi.stubGlobal("Worker", FakeHelper);
  const { port2, heard } = channel();
  new PageHelpers().onRequest({ type: "helper", name: "tidepool-helper:1", url: "https://app/cores.js" }, port2);
  const event = Object.assign(new Event("error", { cancelable: true }), { message });
  FakeHelper.made[0]!.dispatchEvent(event);
  expect(event.defaultPrevented).toBe(true);
  expect(await heard).toEqual({ type: "failed", why });
});

test("the engine hears what the constructor threw", async () => {
  const refusing = class {
    constructor() {
      throw new Error("no workers here");
    }
  };
  vi.stubGlobal("Worker", refusing);
  const { port2, heard } = channel();
  new PageHelpers().onRequest({ type: "helper", name: "tidepool-helper:1", url: "https://app/cores.js" }, port2);
  expect(await heard).toEqual({ type: "failed", why: "no workers here" });
});

test("a helper ends when the engine says so, and all when the client has closed", async () => {
  vi.stubGlobal("Worker", FakeHelper);
  const made: TestWorker[] = [];
  const client = new TidepoolClient({ path: "helped", storage: "memory", worker: TestWorker.factory(() => memoryHost(), made) });
  await client.heartbeat();
  const ask = (data: object): boolean => made[0]!.dispatchEvent(new MessageEvent("message", { data, ports: [channel().port2] }));
  for (const name of ["a", "b"]) ask({ type: "helper", name, url: "https://app/cores.js" });
  ask({ type: "helper", name: "a" });
  expect(FakeHelper.made.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
  await client.close();
  expect(FakeHelper.made.map(({ isTerminated }) => isTerminated)).toEqual([true, true]);
});

test.each([
  ["a page", {}, 3],
  ["a worker", undefined, 1],
])("a client in %s asks for as many cores as may help it", async (_where, document, cores) => {
  vi.stubGlobal("document", document);
  const host = memoryHost();
  const joined = vi.spyOn(host, "join");
  const client = new TidepoolClient({ path: `in-${cores}`, storage: "memory", cores: 3, worker: TestWorker.factory(() => host) });
  await client.heartbeat();
  expect(joined.mock.calls[0]![1].cores).toBe(cores);
  await client.close();
});
