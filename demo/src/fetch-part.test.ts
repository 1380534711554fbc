import { expect, test } from "vitest";
import { fetchPart, PartMissing } from "./fetch-part.js";

test("a part that was fetched is handed on", async () => {
  expect(await fetchPart("The map", Promise.resolve(7))).toBe(7);
});

test("one that was not is named, with the browser's own reason as the cause", async () => {
  const cause = new TypeError("Failed to fetch dynamically imported module");
  const error: unknown = await fetchPart("The map", Promise.reject(cause)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PartMissing);
  expect(error).toMatchObject({ message: "The map could not be loaded", cause });
});
