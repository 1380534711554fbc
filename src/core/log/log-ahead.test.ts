import { expect, test } from "vitest";
import type { LogEntry } from "../storage.js";
import { LogAhead } from "./log-ahead.js";

const page = (offset: number): LogEntry[] => [{ collectionId: "c", offset, bytes: new Uint8Array(10) }];
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("reads as far ahead as it may, and goes on as pages are taken", async () => {
  const asked: number[] = [];
  const ahead = new LogAhead(
    async (after) => {
      asked.push(after);
      return after < 6 ? page(after + 1) : [];
    },
    1,
    25,
  );
  expect(await ahead.next()).toEqual(page(2));
  await settled();
  expect(asked).toEqual([1, 2, 3, 4]);
  expect(await ahead.next()).toEqual(page(3));
  await settled();
  expect(asked).toEqual([1, 2, 3, 4, 5]);
  const rest = [await ahead.next(), await ahead.next(), await ahead.next(), await ahead.next(), await ahead.next()];
  expect(rest).toEqual([page(4), page(5), page(6), [], []]);
  expect(asked).toEqual([1, 2, 3, 4, 5, 6]);
});

test("tells of a failure once what was read before it is taken, and reads nothing more", async () => {
  let reads = 0;
  const ahead = new LogAhead(
    async (after) => {
      reads++;
      if (after === 2) throw new Error("unreadable");
      return page(after + 1);
    },
    0,
    100,
  );
  expect(await ahead.next()).toEqual(page(1));
  await settled();
  expect(await ahead.next()).toEqual(page(2));
  await expect(ahead.next()).rejects.toThrow("unreadable");
  expect(reads).toBe(3);
});

test("reads nothing more once it is ended", async () => {
  let reads = 0;
  const read = async (after: number): Promise<LogEntry[]> => {
    reads++;
    return page(after + 1);
  };
  const ahead = new LogAhead(read, 0, 1000);
  await ahead.next();
  ahead.end();
  const before = reads;
  for (let i = 0; i < 5; i++) await settled();
  expect(reads).toBeLessThanOrEqual(before + 1);
});
