import { expose, wrap } from "comlink";
import { afterEach, expect, test } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { receiveErrors, sendErrors, yieldToEventLoop } from "./protocol.js";

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

async function thrownAcross(thrown: unknown): Promise<unknown> {
  const channel = new MessageChannel();
  channels.push(channel);
  sendErrors();
  receiveErrors();
  const fail = async (): Promise<void> => {
    throw thrown;
  };
  expose({ fail }, channel.port2);
  const failing = wrap<{ fail(): Promise<void> }>(channel.port1).fail();
  return failing.then(
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

test("between two turns of long work messages run that have come in, whatever channel they came by", async () => {
  const { port1, port2 } = new MessageChannel();
  let received = 0;
  port1.onmessage = () => void received++;
  for (let turn = 0; turn < 40; turn++) {
    port2.postMessage(null);
    await yieldToEventLoop();
  }
  expect(received).toBeGreaterThan(20);
  port1.close();
});
