/** What the functions in the page have in common. */

import type { GenerateOptions } from "../api/embedding-function.js";
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";

/** One embedding per text, of those that `embed` answers for the distinct ones, one after the other. */
export async function embedTexts(
  texts: string[],
  onProgress: GenerateOptions["onProgress"],
  embed: (distinct: string[], onEmbedded: (texts: number) => void) => Promise<Float32Array>,
): Promise<Float32Array[]> {
  if (texts.length === 0) return [];
  const distinct = [...new Set(texts)];
  const embeddings = await embed(distinct, (embedded) => onProgress?.({ embedded, total: distinct.length }));
  const dimension = embeddings.length / distinct.length;
  const places = new Map(distinct.map((text, i) => [text, i * dimension]));
  return texts.map((text) => embeddings.subarray(places.get(text)!, places.get(text)! + dimension));
}

/** The absolute address of a file, for the worker, which lies elsewhere than the page and would read a relative one as its own. */
export function addressInPage(given: string | URL, argument: string): string {
  const base = typeof document === "undefined" ? globalThis.location?.href : document.baseURI;
  const text = given instanceof URL ? given.href : given;
  if (typeof text === "string" && text !== "" && URL.canParse(text, base)) return new URL(text, base).href;
  throw invalidArgument(`${argument} must be the address of a file, got ${show(given)}`);
}

/** Throws unless a worker may stay idle for so long. */
export function checkIdleMs(idleMs: unknown): asserts idleMs is number {
  if (Number.isSafeInteger(idleMs) && (idleMs as number) >= 0 && (idleMs as number) <= limits.timeoutMsMax) return;
  throw invalidArgument(`idleMs must be a whole number of 0 … ${limits.timeoutMsMax}, got ${show(idleMs)}`);
}

/** Throws unless it is a function, or nothing. */
export function checkCallback(callback: unknown, argument: string): void {
  if (callback === undefined || typeof callback === "function") return;
  throw invalidArgument(`${argument} must be a function, got ${show(callback)}`);
}

/** The error of calls of a function that was closed. */
export function closedError(name: string): TidepoolError {
  return new TidepoolError("CLOSED", `This ${name} was closed`);
}
