/** Schedules of faults against the in-page gateway as the server: some dozens, all 500 with ALL=1, one of them with SEED=n. */
import type { TidepoolClient } from "tidepool-db";
import type { Sync, SyncOptions } from "tidepool-db/sync";
import { describe, expect, test } from "vitest";
import type { Connection } from "../../src/api/connection.js";
import { CONNECTION } from "../../src/api/connection-key.js";
import { Sync as SyncClass, syncSurroundings } from "../../src/api/sync/sync-handle.js";
import { readSync } from "../../src/api/sync/sync-options.js";
import { createGateway } from "../../src/rest.js";
import { openedClient } from "../../src/testing/opened-clients.js";
import { countingRecords } from "../../src/testing/rest/counting-records.js";
import { type Home, runSchedule } from "./sync-model.js";

// Each schedule has a server of its own: one for all would hold what all of them have left, and be set back with it.
/** A gateway over an engine. Setting it back puts another engine in its place, with what was kept of the first one. */
function gatewayHome(isConditional: boolean, countsRecords: boolean): Home {
  let client = openedClient();
  const gatewayOf = (one: TidepoolClient, more = 0) => {
    const gateway = createGateway(one, { enableTransactions: isConditional });
    return countsRecords ? countingRecords(gateway, more) : { gateway, more: () => 0 };
  };
  let server = gatewayOf(client);
  return {
    openDevice: openedClient,
    fetch: (url, init) => server.gateway(new Request(url, init)),
    url: "http://chroma.test",
    server: () => client,
    isConditional,
    snapshot: async () => {
      const [file, more] = [await new Response(client.backup()).blob(), server.more()];
      return async () => {
        client = openedClient();
        await client.restore(file, { mode: "new" });
        server = gatewayOf(client, more);
      };
    },
    begin: async (device, options, step) => beginStepped(device, options, step),
  };
}

/** A sync whose calls on the device are steps, too. */
function beginStepped(client: TidepoolClient, options: SyncOptions, step: () => Promise<void>): Sync {
  const connection = client[CONNECTION];
  const call = async (...given: Parameters<Connection["call"]>): Promise<unknown> => {
    await step();
    const answer = await (connection.call as (...args: unknown[]) => Promise<unknown>).apply(connection, given);
    await step();
    return answer;
  };
  const stepped = { call: call as Connection["call"], on: connection.on.bind(connection), remote: undefined };
  const around = { ...syncSurroundings, wait: async () => undefined };
  return new SyncClass(
    { connection: stepped as never, scope: { tenant: client.tenant, database: client.database } },
    readSync(options),
    around,
  );
}

const one = process.env["SEED"];
const seeds = one === undefined ? Array.from({ length: process.env["ALL"] === "1" ? 500 : 12 }, (_, i) => i + 1) : [Number(one)];

describe.each([
  ["with conditional commits", true],
  ["without", false],
])("a server %s", (_, isConditional) => {
  test.each(seeds.filter((seed) => one !== undefined || (seed % 2 === 0) === isConditional))("seed %i", async (seed) => {
    await expect(
      runSchedule(gatewayHome(isConditional, seed % 4 >= 2), { seed, actions: 14, name: `notes-${seed}-${isConditional}` }),
    ).resolves.toBeUndefined();
  });
});
