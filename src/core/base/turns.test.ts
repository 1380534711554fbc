import { expect, test } from "vitest";
import { limits } from "../limits.js";
import { Turns } from "./turns.js";

/** An event loop of messages only: those posted first run first. */
class MessageLoop {
  #now = 0;
  readonly #messages: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  work(ms: number): void {
    this.#now += ms;
  }

  post(message: () => void): void {
    this.#messages.push(message);
  }

  yieldToEventLoop(): Promise<void> {
    return new Promise((resolve) => this.post(resolve));
  }

  async run(): Promise<void> {
    for (let message = this.#messages.shift(); message !== undefined; message = this.#messages.shift()) {
      message();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function workFor(slices: number, turns: Turns, slice: () => void): Promise<void> {
  for (let i = 0; i < slices; i++) {
    await turns.next();
    slice();
  }
}

test("work goes on until its slice is used up", async () => {
  const loop = new MessageLoop();
  const turns = new Turns(loop);
  let steps = 0;
  void (async () => {
    for (;;) {
      await turns.tick();
      steps++;
      loop.work(1);
    }
  })();
  await new Promise((resolve) => setImmediate(resolve));
  expect(steps).toBe(limits.sliceMs);
});

test("whoever waits gets a slice in turn", async () => {
  const loop = new MessageLoop();
  const turns = new Turns(loop);
  const slices: string[] = [];
  for (const name of ["a", "b", "c"]) void workFor(3, turns, () => slices.push(name));
  await loop.run();
  expect(slices.join("")).toBe("abcabcabc");
});

test("while calls wait, work in the background gets a turn of four, and all of them when none does", async () => {
  const loop = new MessageLoop();
  const turns = new Turns(loop);
  const slices: string[] = [];
  const inBackground = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await turns.nextInBackground();
      slices.push("-");
    }
  };
  void inBackground();
  void workFor(4, turns, () => slices.push("a"));
  void workFor(4, turns, () => slices.push("b"));
  await loop.run();
  expect(slices.join("")).toBe("aba-bab-ab---");
});

test("a message that comes in during a slice runs before the next one, however many wait", async () => {
  const loop = new MessageLoop();
  const turns = new Turns(loop);
  const order: string[] = [];
  for (const name of ["a", "b", "c"]) {
    void workFor(2, turns, () => {
      order.push(name);
      loop.post(() => order.push("read"));
    });
  }
  await loop.run();
  expect(order.join(" ")).toBe("a read b read c read a read b read c read");
});

test("a read that begins a slice has all of it", async () => {
  const loop = new MessageLoop();
  const turns = new Turns(loop);
  loop.work(2 * limits.sliceMs);
  expect(turns.isSliceOver()).toBe(true);
  turns.begin();
  loop.work(limits.sliceMs - 1);
  expect(turns.isSliceOver()).toBe(false);
});
