import { expect, test } from "vitest";
import { Serial } from "./serial.js";

test("work begins when what was given before has ended", async () => {
  const serial = new Serial();
  const events: string[] = [];
  const piece = (name: string) => async () => {
    events.push(`${name} begins`);
    await Promise.resolve();
    events.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all([serial.run(piece("a")), serial.run(piece("b"))])).toEqual(["a", "b"]);
  expect(events).toEqual(["a begins", "a ends", "b begins", "b ends"]);
});

test("a failure reaches its caller alone, and what follows runs", async () => {
  const serial = new Serial();
  const failing = serial.run(() => Promise.reject(new Error("no")));
  const next = serial.run(() => "done");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("done");
});

test("is idle once all has ended, also when it failed", async () => {
  const serial = new Serial();
  let ended = false;
  serial
    .run(async () => {
      await Promise.resolve();
      ended = true;
      throw new Error("no");
    })
    .catch(() => undefined);
  await serial.idle();
  expect(ended).toBe(true);
});
