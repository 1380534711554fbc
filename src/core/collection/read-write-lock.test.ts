import { expect, test } from "vitest";
import { ReadWriteLock } from "./read-write-lock.js";

/** A promise to be settled by the test. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

test("readers run together, a writer alone, and later readers wait behind a waiting writer", async () => {
  const lock = new ReadWriteLock();
  const events: string[] = [];
  const first = gate();
  const second = gate();
  const readers = [
    lock.shared(async () => {
      events.push("a+");
      await first.opened;
      events.push("a-");
    }),
    lock.shared(async () => {
      events.push("b+");
      await second.opened;
      events.push("b-");
    }),
  ];
  const writer = lock.exclusive(() => void events.push("w"));
  const late = lock.shared(() => void events.push("c"));
  second.open();
  await readers[1];
  expect(events).toEqual(["a+", "b+", "b-"]);
  first.open();
  await Promise.all([...readers, writer, late]);
  expect(events).toEqual(["a+", "b+", "b-", "a-", "w", "c"]);
});

test("a holder that throws lets go", async () => {
  const lock = new ReadWriteLock();
  await expect(
    lock.exclusive(() => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await expect(lock.shared(() => Promise.reject(new Error("neither")))).rejects.toThrow("neither");
  expect(await lock.exclusive(() => 7)).toBe(7);
});
