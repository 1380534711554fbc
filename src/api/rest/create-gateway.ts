/**
 * Chroma's REST v2 as a function from request to response. It answers every request, whatever is in it: what a route
 * refuses, and what goes wrong inside, becomes a response too.
 */
import { invalidArgument, show } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { TidepoolClient } from "../client.js";
import { readArguments, readObject } from "../read-arguments.js";
import { askAs } from "./ask.js";
import { Call, EXPECTED_JSON, isJson } from "./call.js";
import { jsonBody } from "./json-body.js";
import { badRequest, RestError, toRestError } from "./rest-error.js";
import type { Route } from "./route.js";
import { routes } from "./routes.js";

/** Answers one request. Never rejects. */
export type Gateway = (request: Request) => Promise<Response>;

/** Options of {@link createGateway}. */
export interface GatewayOptions {
  /** Whether conditional transactions are answered, as Chroma's server does where it is told to; else they are 501. Default `false`. */
  enableTransactions?: boolean;
  /** Tenants of which they are answered in any case; `"*"` is all. Default: none. */
  tenantsWithTransactionsEnabled?: string[];
}

/** Throws unless the options are options, and says of which tenants transactions are answered. */
function readGatewayOptions(options: GatewayOptions, call: string): (tenant: string) => boolean {
  const given = readObject(options, call, "enableTransactions tenantsWithTransactionsEnabled");
  const { enableTransactions = false, tenantsWithTransactionsEnabled: tenants = [] } = given;
  if (typeof enableTransactions !== "boolean") {
    throw invalidArgument(`enableTransactions must be true or false, got ${show(enableTransactions)}`);
  }
  if (!Array.isArray(tenants) || !tenants.every((name) => typeof name === "string")) {
    throw invalidArgument(`tenantsWithTransactionsEnabled must be a list of names, got ${show(tenants)}`);
  }
  const all = enableTransactions || tenants.includes("*");
  const some = new Set(tenants);
  return (tenant) => all || some.has(tenant);
}

const CORS = { "access-control-allow-origin": "*" };

/**
 * Chroma's REST v2 over a client: any tenant and database of its path. The origin of the requests does not matter, only
 * their path does. Where the client has gateway rules, requests show their token as `x-chroma-token` or as a bearer.
 *
 * @example
 * import { createGateway } from "tidepool-db/rest";
 *
 * const gateway = createGateway(client);
 * const response = await gateway(new Request("http://localhost:8000/api/v2/version"));
 * console.log(await response.json()); // 1.0.0
 */
export function createGateway(client: TidepoolClient, options: GatewayOptions = {}): Gateway {
  const allowsTransactions = readArguments("createGateway", () => readGatewayOptions(options, "createGateway"));
  askAs(client, null);
  return async (request) => {
    try {
      return await answer(client, request, allowsTransactions);
    } catch (error) {
      const { status, error: name, message } = toRestError(error);
      return json({ error: name, message }, status);
    }
  };
}

async function answer(client: TidepoolClient, request: Request, allowsTransactions: (tenant: string) => boolean): Promise<Response> {
  const url = new URL(request.url);
  if (request.method === "OPTIONS") return preflight();
  if (url.pathname.startsWith("/api/v1/")) throw new RestError(410, "Unimplemented", "The v1 API is deprecated. Please use /v2 apis");
  const found = match(url.pathname);
  if (found.length === 0) return new Response(null, { status: 404, headers: CORS });
  const hit = found.find(({ route }) => route.method === request.method);
  if (hit === undefined) {
    const allow = found.map(({ route }) => route.method).join(",");
    return new Response(null, { status: 405, headers: { ...CORS, allow } });
  }
  refuseForgery(request, hit.route);
  const call = new Call({
    ask: askAs(client, token(request.headers)),
    allowsTransactions,
    params: hit.params,
    query: url.searchParams,
    bytes: () => readBytes(request, limits.bodyBytesMax),
    contentType: request.headers.get("content-type") ?? "",
  });
  try {
    return json(await hit.route.handler(call), hit.route.status);
  } catch (error) {
    if (error instanceof PayloadTooLarge)
      return new Response("Payload too large", { status: 413, headers: { ...CORS, "content-type": "text/plain; charset=utf-8" } });
    throw error;
  }
}

/**
 * A form, or `fetch` with the mode "no-cors", can send another site's POST to anywhere, but not as JSON, and not with a token.
 * Chroma's client resets without a content type, as a script that may read the answer; neither of those two can.
 */
function refuseForgery({ method, mode, headers }: Request, route: Route): void {
  if (method !== "POST" || isJson(headers.get("content-type") ?? "") || token(headers) !== null) return;
  if (route.status === 501) return;
  if (route.body === undefined && !headers.has("content-type") && (mode === "cors" || mode === "same-origin")) return;
  throw new RestError(415, "ChromaError", EXPECTED_JSON);
}

function token(headers: Headers): string | null {
  return headers.get("x-chroma-token") ?? /^bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

interface Match {
  route: Route;
  params: Record<string, string>;
}

const patterns = routes.map((route) => ({ route, segments: route.path.split("/") }));

/** Routes of the path; those with more fixed segments come first, since the table lists them first. */
function match(pathname: string): Match[] {
  const given = pathname.split("/");
  return patterns.flatMap(({ route, segments }) => {
    const params = segments.length === given.length ? readParams(segments, given) : null;
    return params === null ? [] : [{ route, params }];
  });
}

function readParams(segments: readonly string[], given: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [i, segment] of segments.entries()) {
    const value = given[i]!;
    if (!segment.startsWith("{")) {
      if (segment !== value) return null;
    } else {
      if (value === "") return null;
      params[segment.slice(1, -1)] = decodeSegment(value);
    }
  }
  return params;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new RestError(400, "InvalidArgumentError", `Invalid URL: ${segment} is not percent-encoded UTF-8`);
  }
}

class PayloadTooLarge extends Error {}

/** The body, of which no more than `bytesMax` is ever held. One that was read already, or breaks off, is the caller's fault. */
async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length")) > bytesMax) throw new PayloadTooLarge();
  try {
    return await readAll(request, bytesMax);
  } catch (error) {
    if (error instanceof PayloadTooLarge) throw error;
    throw badRequest(`The body of the request could not be read: ${error instanceof Error ? error.message : show(error)}`);
  }
}

async function readAll(request: Request, bytesMax: number): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (reader === undefined) return bounded(new Uint8Array(await request.arrayBuffer()), bytesMax);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return join(chunks, length);
    length += value.length;
    chunks.push(value);
    if (length <= bytesMax) continue;
    await reader.cancel();
    throw new PayloadTooLarge();
  }
}

function bounded(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (bytes.length > bytesMax) throw new PayloadTooLarge();
  return bytes;
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function json(value: unknown, status = 200): Response {
  return new Response(jsonBody(value), { status, headers: { ...CORS, "content-type": "application/json" } });
}

/** Other origins may ask, as they may ask a Chroma server that was told to allow them. */
function preflight(): Response {
  const headers = { ...CORS, "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE", "access-control-allow-headers": "*" };
  return new Response(null, { status: 200, headers });
}
