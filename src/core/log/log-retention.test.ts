import { expect, test } from "vitest";
import { LogRetention } from "./log-retention.js";

test("without a hold everything may go", () => {
  expect(new LogRetention().floor("c")).toBe(Infinity);
});

test("the floor is the lowest hold, of the collection alone", () => {
  const retention = new LogRetention();
  const first = retention.hold("c", 3);
  const second = retention.hold("c", 5);
  expect(retention.floor("c")).toBe(3);
  expect(retention.floor("d")).toBe(Infinity);
  first.release();
  expect(retention.floor("c")).toBe(5);
  second.release();
  expect(retention.floor("c")).toBe(Infinity);
});

test("a hold advances and never goes back", () => {
  const retention = new LogRetention();
  const hold = retention.hold("c", 3);
  hold.advance(7);
  hold.advance(4);
  expect(retention.floor("c")).toBe(7);
});

test("releasing twice does not let go of others", () => {
  const retention = new LogRetention();
  const first = retention.hold("c", 3);
  first.release();
  retention.hold("c", 4);
  first.release();
  expect(retention.floor("c")).toBe(4);
});
