import { wrap } from "comlink";
import { afterEach, expect, test } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { TestEngine } from "../testing/engine.js";
import { TestWorker } from "../testing/worker.js";
import { type WorkerHost, yieldToEventLoop } from "./protocol.js";

const workers: TestWorker[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});

async function thrownAcross(thrown: unknown): Promise<unknown> {
  const engine = new TestEngine();
  engine.overrides.set("heartbeat", () => {
    throw thrown;
  });
  const worker = TestWorker.factory(() => engine.host(), workers)();
  const host = wrap<{ service: { heartbeat(): Promise<number> } }>(worker);
  return (host.service as unknown as { heartbeat(): Promise<number> }).heartbeat().then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
}

test("a TidepoolError keeps class, code, message, details, stack and the chain of causes", async () => {
  const cause = new TidepoolError("CORRUPTION", "block 7", { cause: new RangeError("offset"), details: { block: 7 } });
  const sent = new TidepoolError("INTERNAL", "outer", { cause, details: { acknowledged: 3, nested: { list: [1] } } });
  const got = (await thrownAcross(sent)) as TidepoolError;
  expect(got).toBeInstanceOf(TidepoolError);
  expect(got).toMatchObject({ name: "TidepoolError", code: "INTERNAL", message: "outer", stack: sent.stack });
  expect(got.details).toEqual({ acknowledged: 3, nested: { list: [1] } });
  const inner = got.cause as TidepoolError;
  expect(inner).toBeInstanceOf(TidepoolError);
  expect(inner).toMatchObject({ code: "CORRUPTION", details: { block: 7 } });
  expect(inner.cause).toMatchObject({ name: "RangeError", message: "offset" });
});

test("a cause that is no error arrives as one, and a circle of causes ends", async () => {
  const got = (await thrownAcross(new TidepoolError("INTERNAL", "x", { cause: "text" }))) as Error;
  expect(got.cause).toMatchObject({ message: "text" });
  const circle = new Error("circle");
  circle.cause = circle;
  expect(await thrownAcross(new TidepoolError("INTERNAL", "y", { cause: circle }))).toMatchObject({ message: "y" });
});

test("other errors and thrown values cross as they are", async () => {
  const sent = new TypeError("t", { cause: new TidepoolError("CORRUPTION", "block 7") });
  const got = (await thrownAcross(sent)) as TypeError;
  expect(got).toBeInstanceOf(Error);
  expect(got).toMatchObject({ name: "TypeError", message: "t", stack: sent.stack, cause: { code: "CORRUPTION", message: "block 7" } });
  expect(await thrownAcross("text")).toBe("text");
});

test("details that cannot be sent are an error too, not a call that never settles", async () => {
  expect(await thrownAcross(new TidepoolError("INTERNAL", "x", { details: { f: () => 1 } }))).toBeInstanceOf(Error);
});

test("yielding lets messages run that were sent before", async () => {
  const { port1, port2 } = new MessageChannel();
  let received = false;
  port1.onmessage = () => {
    received = true;
  };
  port2.postMessage(null);
  await yieldToEventLoop();
  port1.close();
  expect(received).toBe(true);
});

test("the host's type is what the test worker exposes", () => {
  const host: WorkerHost = new TestEngine().host();
  expect(typeof host.open).toBe("function");
});
