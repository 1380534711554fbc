/** A sync that ends at any step of a chunk, then a deletion on either side: what was deleted stays so, and what never came goes again. */
import { describe, expect, test } from "vitest";
import { openedClient } from "../../testing/opened-clients.js";
import type { TidepoolClient } from "../client.js";
import type { Connection } from "../connection.js";
import { CONNECTION } from "../connection-key.js";
import { createGateway } from "../rest/create-gateway.js";
import { Sync, syncSurroundings } from "./sync-handle.js";
import { readSync, type SyncResolution } from "./sync-options.js";

const notesOf = (client: TidepoolClient) => client.getOrCreateCollection({ name: "notes", embeddingFunction: null });
const idsOf = async (client: TidepoolClient) => (await (await notesOf(client)).get()).ids.sort();

/** One round, which ends before its step of this number, counted from 0, or when it is done. Returns what it has told. */
async function round(
  device: TidepoolClient,
  server: TidepoolClient,
  { isConditional, endsAt }: { isConditional: boolean; endsAt: number },
) {
  const gateway = createGateway(server, { enableTransactions: isConditional });
  let step = 0;
  const next = (): void => {
    if (step++ >= endsAt) throw new Error("the device has ended");
  };
  const connection = device[CONNECTION];
  const call = async (...given: unknown[]): Promise<unknown> => {
    next();
    return (connection.call as (...given: unknown[]) => Promise<unknown>).apply(connection, given);
  };
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    next();
    const response = await gateway(new Request(url, init));
    next();
    return response;
  };
  const home = { connection: { call: call as Connection["call"], on: connection.on.bind(connection), remote: undefined } };
  const options = { remote: { url: "http://chroma.test", fetch }, collections: ["notes"], intervalMs: null };
  const scope = { tenant: device.tenant, database: device.database };
  const sync = new Sync({ ...home, scope } as never, readSync(options), { ...syncSurroundings, wait: async () => undefined });
  const told: SyncResolution[] = [];
  sync.on("conflict", (resolution) => told.push(resolution));
  const isDone = await sync.now().then(
    () => true,
    () => false,
  );
  await sync.stop();
  return { isDone, told };
}

describe.each([
  ["with conditional commits", true],
  ["without", false],
])("a server %s", (_, isConditional) => {
  test.each([
    ["sent, and deleted there", "device", "server"],
    ["sent, and deleted here", "device", "device"],
    ["taken, and deleted here", "server", "device"],
    ["taken, and deleted there", "server", "server"],
  ] as const)("%s", async (__, from, deletedAt) => {
    for (let endsAt = 0, isDone = false; !isDone; endsAt++) {
      const sides = { device: openedClient(), server: openedClient() };
      const { device, server } = sides;
      for (const side of [device, server]) await notesOf(side);
      await round(device, server, { isConditional, endsAt: Infinity });
      await (await notesOf(sides[from])).add({ ids: ["a", "b"], embeddings: [[1], [2]], documents: ["ebb", "flood"] });
      ({ isDone } = await round(device, server, { isConditional, endsAt }));
      const wasThere = (await idsOf(sides[deletedAt])).includes("a");
      if (wasThere) await (await notesOf(sides[deletedAt])).delete({ ids: ["a"] });
      const { isDone: isMended, told } = await round(device, server, { isConditional, endsAt: Infinity });
      const ids = await idsOf(device);
      expect({ endsAt, isMended, ids: await idsOf(server) }).toEqual({ endsAt, isMended: true, ids });
      // Only where nobody knows whether it was there does it come back, and that is told.
      const isTold = told.some(({ id }) => id === "a");
      if (ids.includes("a")) expect({ endsAt, isAllowed: !wasThere || (!isConditional && isTold) }).toEqual({ endsAt, isAllowed: true });
      else expect({ endsAt, wasThere }).toEqual({ endsAt, wasThere: true });
      expect(ids).toContain("b");
    }
  });

  test("settled, of two that had never met, and deleted there", async () => {
    for (let endsAt = 0, isDone = false; !isDone; endsAt++) {
      const [device, server] = [openedClient(), openedClient()];
      for (const side of [device, server]) await notesOf(side);
      await round(device, server, { isConditional, endsAt: Infinity });
      await (await notesOf(device)).add({ ids: ["a"], embeddings: [[1]], documents: ["ebb"] });
      await (await notesOf(server)).add({ ids: ["a"], embeddings: [[2]], documents: ["flood"] });
      ({ isDone } = await round(device, server, { isConditional, endsAt }));
      const isSettled = (await (await notesOf(server)).get()).documents[0] === "ebb";
      await (await notesOf(server)).delete({ ids: ["a"] });
      const { told } = await round(device, server, { isConditional, endsAt: Infinity });
      const ids = await idsOf(server);
      expect({ endsAt, ids }).toEqual({ endsAt, ids: await idsOf(device) });
      const isTold = told.some(({ id }) => id === "a");
      if (isSettled) expect({ endsAt, isRight: ids.length === 0 || isTold }).toEqual({ endsAt, isRight: true });
    }
  });
});
