/**
 * The offscreen document of a browser extension (Chromium, Manifest V3): a page without a window, in which the extension's background
 * service worker, which may start no worker, can have the engine run. An extension has one at most.
 */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";

interface Extension {
  offscreen: { createDocument(options: { url: string; reasons: string[]; justification: string }): Promise<void> };
  runtime: { getContexts(filter: { contextTypes: string[] }): Promise<unknown[]> };
}

/** Opens the extension's page at this address, unless there is an offscreen document already. */
export async function openOffscreen(url: string): Promise<void> {
  const { chrome } = globalThis as unknown as { chrome: Extension };
  try {
    const open = await chrome.runtime.getContexts({ contextTypes: ["OFFSCREEN_DOCUMENT"] });
    if (open.length === 0) await chrome.offscreen.createDocument({ url, reasons: ["WORKERS"], justification: "A database" });
  } catch (error) {
    const why = chrome?.offscreen ? asError(error).message : 'the manifest lacks the permission "offscreen"';
    throw new TidepoolError("NOT_SUPPORTED", `The offscreen document ${JSON.stringify(url)} cannot be opened: ${why}`, { cause: error });
  }
}
