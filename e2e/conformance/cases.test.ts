/** The conformance cases on the gateway in Node; `npm run conformance` runs them on the built package in a browser. */
import { afterAll, describe, test } from "vitest";
import { createGateway } from "../../src/rest.js";
import { openTestClient } from "../../src/testing/client.js";
import { type Answer, cases, Rest } from "./cases.js";

const client = openTestClient({ allowReset: true });
const gateway = createGateway(client);
afterAll(() => client.close());

async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = body === undefined ? undefined : { "content-type": "application/json" };
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const response = await gateway(new Request(`http://localhost:8000${path}`, { method, headers, body: text }));
  const answer = await response.text();
  return { status: response.status, body: response.headers.get("content-type") === "application/json" ? JSON.parse(answer) : answer };
}

describe("conformance", () => {
  test.each(cases)("$name", async ({ run }) => run(new Rest(ask)));
});
