import { expect, test } from "vitest";
import { TestEnvironment } from "../../testing/environment.js";
import { turns } from "../../testing/gate.js";
import type { EngineEvents } from "../events.js";
import { limits } from "../limits.js";
import { QuotaWatch } from "./quota-watch.js";

test("tells once for each threshold that writes cross, and again after room was made", async () => {
  const environment = new TestEnvironment();
  const told: EngineEvents["quota"][] = [];
  let usageBytes = 0;
  const watch = new QuotaWatch({
    read: async () => ({ usageBytes, quotaBytes: 1000, persisted: false }),
    environment,
    tell: (_type, event) => told.push(event as EngineEvents["quota"]),
  });
  const toldAt = async (bytes: number): Promise<number[]> => {
    usageBytes = bytes;
    environment.advance(limits.quotaCheckMs);
    watch.noteWrite();
    watch.noteWrite();
    await turns();
    return told.splice(0).map((event) => event.usageBytes);
  };
  expect(await toldAt(799)).toEqual([]);
  expect(await toldAt(800)).toEqual([800]);
  expect(await toldAt(900)).toEqual([]);
  expect(await toldAt(960)).toEqual([960]);
  expect(await toldAt(999)).toEqual([]);
  expect(await toldAt(100)).toEqual([]);
  expect(await toldAt(990)).toEqual([990]);
});

test("asks the browser no more often than the limit says, and is content with one that does not answer", async () => {
  const environment = new TestEnvironment();
  let asked = 0;
  const read = async () => {
    asked++;
    return null;
  };
  const watch = new QuotaWatch({ read, environment, tell: () => expect.unreachable() });
  for (let i = 0; i < 10; i++) {
    watch.noteWrite();
    environment.advance(limits.quotaCheckMs / 5);
  }
  await turns();
  expect(asked).toBe(2);
});
