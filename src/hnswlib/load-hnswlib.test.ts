import { expect, test, vi } from "vitest";
import { load, loadHnswlib } from "./load-hnswlib.js";

test("where there is no browser it is NOT_SUPPORTED, each time", async () => {
  // The library says aloud what it throws.
  const said = vi.spyOn(console, "error").mockReturnValue(undefined);
  for (let i = 0; i < 2; i++) {
    await expect(loadHnswlib()).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("does not run in Node") as string,
    });
  }
  said.mockRestore();
});

test.each<[string, Error, string]>([
  ["is not there", new TypeError("Failed to resolve module specifier 'hnswlib-wasm'"), "must be installed"],
  ["may not make code", new EvalError("Refused to evaluate a string as JavaScript"), "content security policy"],
])("a library that %s is NOT_SUPPORTED, and the message says what to do", async (_, cause, advice) => {
  const importing = load(() => Promise.reject(cause));
  await expect(importing).rejects.toMatchObject({ code: "NOT_SUPPORTED", cause, message: expect.stringContaining(advice) as string });
  const starting = load(async () => ({ loadHnswlib: () => Promise.reject(cause) }));
  await expect(starting).rejects.toMatchObject({ code: "NOT_SUPPORTED", cause });
});
