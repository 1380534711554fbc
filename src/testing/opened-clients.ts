/** Clients that a test opens; they are closed when it ends. */
import { afterEach } from "vitest";
import type { TidepoolClient } from "../api/client.js";
import { openTestClient } from "./client.js";

const clients: TidepoolClient[] = [];

afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())));

export function opened(client: TidepoolClient): TidepoolClient {
  clients.push(client);
  return client;
}

/** As `openTestClient`. */
export function openedClient(...given: Parameters<typeof openTestClient>): TidepoolClient {
  return opened(openTestClient(...given));
}
