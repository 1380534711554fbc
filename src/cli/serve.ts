/** `serve`: Chroma's REST API over HTTP, for tests and tools that know nothing of Tidepool. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGateway, type Gateway } from "tidepool-db/rest";
import { UsageError } from "./cli-error.js";
import { type Command, type CommandContext, isGiven, textOption } from "./command.js";
import { isServer, openSource } from "./open-source.js";
import { countOption } from "./records.js";

export const serve: Command = {
  args: ["source"],
  summary: "answer Chroma's REST API from a directory or a backup file",
  options: {
    port: { type: "string", short: "p", help: "default 8000; 0 takes a free one" },
    host: { type: "string", help: "address to listen at; default 127.0.0.1, which nobody else reaches" },
    write: { type: "boolean", help: "let requests change data; of a backup file that is a copy, which is gone at the end" },
    cors: { type: "boolean", help: "let pages of other origins read answers" },
  },
  notes: "There is no authentication: whoever reaches the port reads everything. Ctrl-C answers what is under way, and ends it.",
  run: runServe,
};

async function runServe(context: CommandContext): Promise<void> {
  const port = countOption(context, "port") ?? 8000;
  if (port > 65_535) throw new UsageError(`--port must be at most 65535, got ${port}`);
  const host = textOption(context, "host") ?? "127.0.0.1";
  const [path, write] = [context.args[0]!, isGiven(context, "write")];
  if (isServer(path)) throw new UsageError(`${path} is a server already`);
  const { client } = await openSource(context, path, write);
  const gateway = createGateway(client);
  const rules = { write, cors: isGiven(context, "cors"), isLocal: isLoopback(host) };
  const server = createServer((request, response) => void respond(gateway, rules, request, response).catch(() => response.destroy()));
  server.listen(port, host);
  await once(server, "listening");
  context.defer(() => end(server));
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  context.print(`${path} is served at ${url}${write ? "" : ", read-only"}`, { url, readOnly: !write });
  if (!context.signal.aborted) await once(context.signal, "abort");
}

/** Requests under way are answered; who takes longer than this is cut off. */
const END_WAIT_MS = 5000;

async function end(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), END_WAIT_MS);
  await closed;
  clearTimeout(timer);
}

interface Rules {
  write: boolean;
  cors: boolean;
  isLocal: boolean;
}

async function respond(gateway: Gateway, rules: Rules, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const answer = refusal(rules, incoming) ?? (await gateway(requestOf(incoming)));
  const headers = [...answer.headers].filter(([name]) => rules.cors || !name.startsWith("access-control-"));
  outgoing.writeHead(answer.status, Object.fromEntries(headers));
  if (answer.body === null || incoming.method === "HEAD") outgoing.end();
  else await pipeline(Readable.fromWeb(answer.body as never), outgoing);
}

function requestOf(incoming: IncomingMessage): Request {
  const { method = "GET", url = "/" } = incoming;
  const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as [string, string]] : [],
  );
  const body = method === "GET" || method === "HEAD" ? undefined : Readable.toWeb(incoming);
  return new Request(new URL(url, "http://localhost"), { method, headers, body, duplex: "half" } as RequestInit);
}

/** A page that has its own name lead to this machine must not read what is served to this machine only. */
function refusal({ write, isLocal }: Rules, { method = "GET", url = "/", headers }: IncomingMessage): Response | null {
  const host = (headers.host ?? "localhost").replace(/:\d+$/, "");
  if (isLocal && !isLoopback(host)) return refused(`This server answers requests to localhost only, got one to ${host}`);
  if (write || ["GET", "HEAD", "OPTIONS"].includes(method)) return null;
  const [path] = url.split("?") as [string];
  return method === "POST" && /\/collections\/[^/]+\/(?:get|query|search)$/.test(path)
    ? null
    : refused("This server is read-only: begin it with --write");
}

function refused(message: string): Response {
  return Response.json({ error: "AuthError", message }, { status: 403 });
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/i.test(host);
}
