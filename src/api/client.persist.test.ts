import { afterEach, expect, test, vi } from "vitest";
import { TidepoolClient } from "./client.js";

afterEach(() => vi.unstubAllGlobals());

const client = new TidepoolClient({ path: "p" });

test("a page asks the browser to keep the data, and learns whether it does", async () => {
  let persisted = false;
  vi.stubGlobal("navigator", { storage: { persist: async () => (persisted = true), persisted: async () => persisted } });
  expect(await client.persisted()).toBe(false);
  expect(await client.persist()).toBe(true);
  expect(await client.persisted()).toBe(true);
});

test.each([undefined, {}, { storage: {} }])(
  "where nobody can be asked that is told, and nothing is kept (navigator: %j)",
  async (navigator) => {
    vi.stubGlobal("navigator", navigator);
    expect(await client.persisted()).toBe(false);
    await expect(client.persist()).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  },
);
