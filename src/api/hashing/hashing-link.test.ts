/** The worker that hashes, with its other side in this realm; `e2e/hashing.e2e.ts` has a real one. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limits } from "../../core/limits.js";
import { hashTexts } from "../hash-texts.js";
import { HashingLink } from "./hashing-link.js";
import type { HashingCall } from "./hashing-messages.js";

/** What was started, in order. */
let started: FakeWorker[];

class FakeWorker {
  onmessage: Worker["onmessage"] = null;
  onmessageerror: Worker["onmessageerror"] = null;
  onerror: Worker["onerror"] = null;
  readonly asked: HashingCall[] = [];
  readonly terminate = vi.fn();

  postMessage(call: HashingCall): void {
    this.asked.push(structuredClone(call));
  }

  async answer(index: number): Promise<void> {
    const { call, texts, dimension } = this.asked[index]!;
    this.tell({ call, values: structuredClone(await hashTexts(texts, dimension)) });
  }

  tell(data: object): void {
    this.onmessage!.call(this as unknown as Worker, new MessageEvent("message", { data }));
  }

  fail(): Event {
    const event = new Event("error", { cancelable: true });
    this.onerror!.call(this as unknown as Worker, event as ErrorEvent);
    return event;
  }
}

function open(): HashingLink {
  return new HashingLink(() => {
    const worker = new FakeWorker();
    started.push(worker);
    return worker as unknown as Worker;
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  started = [];
});
afterEach(() => void vi.useRealTimers());

test("each call gets its own answer, whichever comes first, and one worker serves all", async () => {
  const link = open();
  const calls = [link.hash(["tide", "東京"], 8), link.hash(["moon"], 16)];
  await started[0]!.answer(1);
  await started[0]!.answer(0);
  expect(await Promise.all(calls)).toEqual([await hashTexts(["tide", "東京"], 8), await hashTexts(["moon"], 16)]);
  expect(started.length).toBe(1);
});

test("it ends when it has been idle for a while, and the next call starts another", async () => {
  const link = open();
  const [first, second] = [link.hash(["a"], 8), link.hash(["b"], 8)];
  await started[0]!.answer(0);
  await first;
  await vi.advanceTimersByTimeAsync(limits.hashingIdleMs);
  expect(started[0]!.terminate).not.toHaveBeenCalled();
  await started[0]!.answer(1);
  await second;
  await vi.advanceTimersByTimeAsync(limits.hashingIdleMs - 1);
  const third = link.hash(["c"], 8);
  await vi.advanceTimersByTimeAsync(limits.hashingIdleMs);
  expect(started[0]!.terminate).not.toHaveBeenCalled();
  await started[0]!.answer(2);
  await third;
  await vi.advanceTimersByTimeAsync(limits.hashingIdleMs);
  expect(started[0]!.terminate).toHaveBeenCalledTimes(1);
  void link.hash(["d"], 8);
  expect(started.length).toBe(2);
});

test("one that cannot be loaded leaves its calls to the page, and is not tried again", async () => {
  const link = open();
  const calls = [link.hash(["a"], 8), link.hash(["b"], 8)];
  expect(started[0]!.fail().defaultPrevented).toBe(true);
  expect(await Promise.all(calls)).toEqual([null, null]);
  expect(started[0]!.terminate).toHaveBeenCalledTimes(1);
  expect([await link.hash(["c"], 8), started.length]).toEqual([null, 1]);
});

test("one that cannot be started, or fails at a text, leaves that to the page", async () => {
  const create = vi.fn(() => {
    throw new Error("a policy of the page");
  });
  const refused = new HashingLink(create);
  expect([await refused.hash(["a"], 8), await refused.hash(["a"], 8)]).toEqual([null, null]);
  expect(create).toHaveBeenCalledTimes(1);
  const link = open();
  const answer = link.hash(["a"], 8);
  started[0]!.tell({ call: started[0]!.asked[0]!.call, values: null });
  expect(await answer).toBe(null);
});
