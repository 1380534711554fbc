import { afterEach, expect, test } from "vitest";
import { TidepoolError } from "../core/errors.js";
import type { EngineMethods } from "../core/service.js";
import { serveCalls } from "./engine-calls.js";
import { type AnswerMessage, restored } from "./protocol.js";

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

type Call = (method: keyof EngineMethods, request: unknown) => Promise<unknown>;

/** Sends messages to a session that answers so, until as many answers have come; `passed` is what others on the port get to see. */
async function answersTo(
  call: Call,
  messages: readonly unknown[],
  count: number,
): Promise<{ answers: AnswerMessage[]; passed: unknown[] }> {
  const channel = new MessageChannel();
  channels.push(channel);
  serveCalls({ call }, channel.port2);
  const passed: unknown[] = [];
  channel.port2.addEventListener("message", ({ data }) => passed.push(data));
  channel.port2.start();
  const answers: AnswerMessage[] = [];
  await new Promise<void>((resolve) => {
    channel.port1.onmessage = ({ data }) => void (answers.push(data) === count && resolve());
    for (const message of messages) channel.port1.postMessage(message);
  });
  return { answers, passed };
}

test("each call is answered under its number, in whatever order the answers come", async () => {
  let finish!: () => void;
  const first = new Promise<void>((resolve) => (finish = resolve));
  const call: Call = async (method, request) => {
    if (method === "count") await first;
    else finish();
    return [method, request];
  };
  const sent = [
    { call: 7, method: "count", request: 1, caller: {} },
    { call: 8, method: "query", request: 2, caller: {} },
  ];
  const { answers, passed } = await answersTo(call, sent, 2);
  expect(answers.sort((a, b) => a.answer - b.answer)).toEqual([
    { answer: 7, value: ["count", 1] },
    { answer: 8, value: ["query", 2] },
  ]);
  expect(passed).toEqual([]);
});

test("what a call throws arrives with code, details and causes", async () => {
  const thrown = new TidepoolError("CORRUPTION", "block 7", { details: { block: 7 }, cause: new RangeError("offset") });
  const { answers } = await answersTo(() => Promise.reject(thrown), [{ call: 1, method: "query" }], 1);
  const got = restored((answers[0] as { thrown: Parameters<typeof restored>[0] }).thrown);
  expect(got).toBeInstanceOf(TidepoolError);
  expect(got).toMatchObject({ code: "CORRUPTION", message: "block 7", details: { block: 7 }, cause: { name: "RangeError" } });
});

test("an answer or an error that cannot be sent is an error, not a call that never settles", async () => {
  const { answers } = await answersTo(
    async (method) => {
      if (method === "count") return () => 1;
      throw new TidepoolError("INTERNAL", "x", { details: { f: () => 1 } });
    },
    [
      { call: 1, method: "count" },
      { call: 2, method: "query" },
    ],
    2,
  );
  for (const answer of answers) expect(answer).toMatchObject({ thrown: { value: { message: "Unserializable return value" } } });
});

test("messages of others on the port go on to whom they are for", async () => {
  const others = [null, "call", 1, { call: "1" }, { type: "guest" }, { id: "a", type: "APPLY", path: ["presence"] }];
  const { passed } = await answersTo(async () => 1, [...others, { call: 1, method: "count" }], 1);
  expect(passed).toEqual(others);
});
