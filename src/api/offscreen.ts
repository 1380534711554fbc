/**
 * The offscreen document of a browser extension (Chromium, Manifest V3): a page without a window, in which the extension's background
 * service worker, which may start no worker, can have the engine run. An extension has one at most.
 */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";

interface Extension {
  offscreen?: { createDocument(options: { url: string; reasons: string[]; justification: string }): Promise<void> };
  runtime: { getContexts(filter: { contextTypes: string[] }): Promise<unknown[]> };
}

/** Opens the extension's page at this address, unless there is an offscreen document already. */
export async function openOffscreen(url: string): Promise<void> {
  const { chrome } = globalThis as unknown as { chrome?: Extension };
  if (chrome?.offscreen === undefined) throw cannot(url, 'chrome.offscreen is missing: the permission "offscreen" stands in no manifest');
  try {
    const open = await chrome.runtime.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] });
    if (open.length > 0) return;
    await chrome.offscreen.createDocument({ url, reasons: ["WORKERS"], justification: "The database runs in a worker of this page." });
  } catch (error) {
    throw cannot(url, asError(error).message, error);
  }
}

function cannot(url: string, why: string, cause?: unknown): TidepoolError {
  return new TidepoolError("NOT_SUPPORTED", `The offscreen document ${JSON.stringify(url)} cannot be opened: ${why}`, { cause });
}
