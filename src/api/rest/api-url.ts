/**
 * Which requests are calls of the API: those to one origin, and there only the paths that Chroma has. An origin is often an
 * application's own, whose files are none of ours.
 */
import { invalidArgument, show } from "../../core/errors.js";
import { readArguments, readObject } from "../read-arguments.js";

/** The origin that the options of a call name; without one, that where Chroma's client looks. */
export function readOrigin(options: { url?: unknown }, call: string): string {
  return readArguments(call, () => {
    const { url = "http://localhost:8000" } = readObject(options, call, "url");
    return originOf(url);
  });
}

/** The origin of a URL that was given as an option. Only http and https have origins of their own: all `data:` URLs share "null". */
export function originOf(url: unknown): string {
  const parsed = typeof url === "string" || url instanceof URL ? parseUrl(String(url)) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw invalidArgument(`url must be an http or https URL, got ${show(url)}`);
  return parsed.origin;
}

/** `null` for what is no URL. */
export function parseUrl(text: string, base?: string): URL | null {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}

/** Whether a request to `url` is one of the API at `origin`. `own` is the origin of the page or worker that asks. */
export function isApiUrl(url: URL | null, origin: string, own: string | undefined): boolean {
  if (url === null || url.origin !== origin || !/^https?:$/.test(url.protocol)) return false;
  // At an application's own origin this document is more likely one of its files.
  return /^\/api\/v[12](?:\/|$)/.test(url.pathname) || (url.pathname === "/openapi.json" && origin !== own);
}
