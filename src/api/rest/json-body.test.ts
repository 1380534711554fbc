import { afterEach, expect, test, vi } from "vitest";
import { Listed } from "../../core/base/json-parts.js";
import { Slice } from "../slice.js";
import { jsonBody } from "./json-body.js";

afterEach(() => void vi.restoreAllMocks());

test("a small answer is a text; a large one gives turns, and of what nobody reads nothing more is made", async () => {
  expect(jsonBody({ ids: Listed.of(["a"]) })).toBe('{"ids":["a"]}');
  let made = 0;
  const list = new Listed(200_000, (i) => {
    made++;
    return i;
  });
  const between: number[] = [];
  vi.spyOn(Slice.prototype, "tick").mockImplementation(async () => void between.push(made));
  const response = new Response(jsonBody(list));
  expect(await response.json()).toEqual(Array.from({ length: 200_000 }, (_, i) => i));
  const steps = between.map((count, i) => count - (between[i - 1] ?? 0));
  expect(between.length).toBeGreaterThan(10);
  expect(Math.max(...steps.slice(1))).toBeLessThan(20_000);

  made = 0;
  const reader = new Response(jsonBody(list)).body!.getReader();
  await reader.read();
  await reader.cancel();
  expect(made).toBeLessThan(100_000);
});
