/**
 * Serves a folder over HTTP on loopback, as any web host would: no rewriting, right content types, headers if asked. A content
 * security policy that names {@link REPORTS} has what breaks it collected here, from pages and workers of every kind.
 */

import { readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";

const contentTypes: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".bin": "application/octet-stream",
};

/** Where browsers are told to report violations of a policy: `report-uri` of it. */
export const REPORTS = "/violations-of-the-policy";

export interface StaticServer {
  /** With a slash at its end. */
  readonly url: string;
  /** Reports of browsers, as they came. */
  readonly violations: readonly string[];
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Path under which the folder appears, such as `/app/`. */
  base?: string;
  /** Sent with every file, for example a content security policy. */
  headers?: Record<string, string>;
  /** Default: one that is free. */
  port?: number;
}

export async function serveFolder(
  folder: string,
  { base = "/", headers = {}, port: wanted = 0 }: ServeOptions = {},
): Promise<StaticServer> {
  const violations: string[] = [];
  const server = createServer((request, response) => {
    if (request.method === "POST" && request.url === REPORTS) void collect(request, response, violations);
    else void answer(folder, base, headers, request, response);
  });
  await new Promise<void>((resolve) => server.listen(wanted, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    // A secure context by name: OPFS and module workers ask for one.
    url: `http://localhost:${port}${base}`,
    violations,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

async function collect(request: IncomingMessage, response: ServerResponse, reports: string[]): Promise<void> {
  let text = "";
  for await (const part of request) text += String(part);
  reports.push(text);
  response.writeHead(204).end();
}

async function answer(
  folder: string,
  base: string,
  headers: Record<string, string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = await fileFor(folder, base, request.url ?? "/");
  if (path === null) {
    response.writeHead(404, { "content-type": "text/plain" }).end(`nothing at ${request.url}`);
    return;
  }
  const contentType = contentTypes[extname(path)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": contentType, "cache-control": "no-store", ...headers }).end(await readFile(path));
}

async function fileFor(folder: string, base: string, url: string): Promise<string | null> {
  const { pathname } = new URL(url, "http://localhost");
  if (!pathname.startsWith(base)) return null;
  const path = join(folder, normalize(decodeURIComponent(pathname.slice(base.length))));
  if (path !== folder && !path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return null;
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) return (await stat(join(path, "index.html")).catch(() => null)) ? join(path, "index.html") : null;
  return found ? path : null;
}
