/**
 * The built package in a page of Chromium, reached over HTTP: every request to the bridge is rebuilt in the page and given
 * to `createGateway`, and the response goes back. So programs outside the browser can talk to the engine inside.
 */

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "playwright";
import { createProfile, openBrowser, removeProfile } from "../../tools/browser/browser.js";
import { serveFolder } from "../../tools/browser/static-server.js";

interface RequestInPage {
  method: string;
  path: string;
  headers: [name: string, value: string][];
  body: string | null;
}

interface ResponseFromPage {
  status: number;
  headers: [name: string, value: string][];
  body: string;
}

declare global {
  /** In the page: answers a request whose body is base64. */
  function answer(request: RequestInPage): Promise<ResponseFromPage>;
}

const page = `<!doctype html><link rel="icon" href="data:,"><title>bridge</title>
<script type="module">
  import { TidepoolClient } from "./package/index.js";
  import { createGateway } from "./package/rest.js";
  const gateway = createGateway(new TidepoolClient({ path: "conformance", allowReset: true }));
  const bytesOf = async (base64) => new Uint8Array(await (await fetch("data:application/octet-stream;base64," + base64)).arrayBuffer());
  const base64Of = async (response) => {
    const reader = new FileReader();
    const read = new Promise((resolve) => (reader.onload = resolve));
    reader.readAsDataURL(await response.blob());
    await read;
    return reader.result.slice(reader.result.indexOf(",") + 1);
  };
  globalThis.answer = async ({ method, path, headers, body }) => {
    const bytes = body === null ? undefined : await bytesOf(body);
    const response = await gateway(new Request("http://localhost:8000" + path, { method, headers, body: bytes }));
    return { status: response.status, headers: [...response.headers], body: await base64Of(response) };
  };
  document.title = "ready";
</script>`;

export interface Bridge {
  /** Without a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

export async function openBridge(): Promise<Bridge> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-bridge-"));
  const profile = await createProfile();
  await cp(dirname(createRequire(import.meta.url).resolve("tidepool-db")), join(folder, "package"), { recursive: true });
  await writeFile(join(folder, "index.html"), page);
  const files = await serveFolder(folder);
  const context = await openBrowser(profile);
  const tab = await context.newPage();
  await tab.goto(files.url);
  await tab.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
  const server = createServer((request, response) => void forward(tab, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await context.close();
      await files.close();
      await removeProfile(profile);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Headers that belong to the connection, not to the request. */
const CONNECTION_HEADERS = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "accept-encoding",
  "keep-alive",
  "expect",
]);

async function forward(tab: Page, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const headers = Object.entries(request.headers)
      .filter(([name]) => !CONNECTION_HEADERS.has(name))
      .map(([name, value]): [string, string] => [name, String(value)]);
    const body = await read(request);
    const asked: RequestInPage = {
      method: request.method!,
      path: request.url!,
      headers,
      body: body.length > 0 ? body.toString("base64") : null,
    };
    const answered = await tab.evaluate((asked) => globalThis.answer(asked), asked);
    response.writeHead(answered.status, Object.fromEntries(answered.headers)).end(Buffer.from(answered.body, "base64"));
  } catch (error) {
    response.writeHead(502, { "content-type": "text/plain" }).end(`the bridge failed: ${String(error)}`);
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
