/** Where a Chroma server is, and as whom to ask it. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateText } from "../../core/gateway/validate/values.js";

/** What an option tells, or what tells it before each request: a key may be renewed. */
type Told<T> = T | (() => T | Promise<T>);

/** The option `remote` of `TidepoolClient`: a Chroma server in the place of a database in this browser. */
export interface RemoteOptions {
  /**
   * The server, such as "http://localhost:8000"; a path before `/api/v2` is kept. With an `apiKey` the default is Chroma Cloud's,
   * "https://api.trychroma.com"; else there is none.
   */
  url?: string;
  /** Sent with each request; or what brings them, asked before each. */
  headers?: Told<Record<string, string>>;
  /** Sent with each request as `x-chroma-token`; or what brings it, asked before each. */
  apiKey?: Told<string>;
  /** Default "default_tenant"; with an `apiKey`, the tenant that the server says the key is of. */
  tenant?: string;
  /** Default "default_database"; with an `apiKey`, the only database that the server says the key is for. */
  database?: string;
  /** Makes the requests in the place of the global `fetch`, such as a gateway of `tidepool-db/rest`, or a `fetch` with a proxy. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** The options checked, with their defaults. */
export interface Remote extends RemoteOptions {
  url: string;
  fetch: NonNullable<RemoteOptions["fetch"]>;
}

const CLOUD = "https://api.trychroma.com";

/** Throws `INVALID_ARGUMENT` for what cannot be used. Names of tenant and database are looked at when the client is made. */
export function readRemote(given: RemoteOptions): Remote {
  const { url = given.apiKey === undefined ? undefined : CLOUD, headers, apiKey } = given;
  if (apiKey !== undefined && typeof apiKey !== "function") validateText(apiKey, "remote.apiKey");
  if (headers !== undefined && typeof headers !== "function") readHeaders(headers);
  const ask = given.fetch ?? ((input: string, init: RequestInit) => fetch(input, init));
  if (typeof ask !== "function") throw invalidArgument(`remote.fetch must be a function, got ${show(ask)}`);
  return { ...given, url: readUrl(url), fetch: ask };
}

function readUrl(url: unknown): string {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw invalidArgument(`remote.url must be an http or https URL, got ${show(url)}`);
  if (parsed.username !== "" || parsed.search !== "" || parsed.hash !== "") {
    throw invalidArgument("remote.url must have no user, query or fragment: give `headers` or an `apiKey`");
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, "")}`;
}

function readHeaders(headers: unknown): Record<string, string> {
  const isPlain = typeof headers === "object" && headers !== null && !Array.isArray(headers);
  const odd = isPlain ? Object.entries(headers).find(([, value]) => typeof value !== "string") : ["headers", headers];
  if (odd !== undefined) throw invalidArgument(`remote.headers must be an object of texts, got ${show(odd[1])} in ${show(odd[0])}`);
  return headers as Record<string, string>;
}

/** The headers of the next request. */
export async function headersNow({ headers, apiKey }: RemoteOptions): Promise<Record<string, string>> {
  const given = typeof headers === "function" ? readHeaders(await Promise.resolve(headers())) : headers;
  const key = typeof apiKey === "function" ? await Promise.resolve(apiKey()) : apiKey;
  if (key !== undefined) validateText(key, "remote.apiKey");
  return { ...given, ...(key === undefined ? {} : { "x-chroma-token": key }) };
}
