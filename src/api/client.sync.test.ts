/** `client.sync` where its file cannot be loaded. */
import { afterEach, expect, test, vi } from "vitest";
import { openTestClient } from "../testing/client.js";

vi.mock("./sync/sync-handle.js", () => {
  throw new TypeError("the file is not there");
});
afterEach(() => vi.unstubAllGlobals());

test("a file that is not fetched is CONNECTION_LOST; that service workers load nothing is NOT_SUPPORTED", async () => {
  const client = openTestClient();
  const sync = () => client.sync({ remote: { url: "http://chroma.test" }, collections: ["notes"] });
  const cause = expect.any(Error);
  await expect(sync()).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("try again"), cause });
  vi.stubGlobal("skipWaiting", () => undefined);
  await expect(sync()).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining("tidepool-db/sync"), cause });
  await client.close();
});
