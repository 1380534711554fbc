/** The engine's clock, ids and timers in a worker; everything random or timed reaches the engine through here. */
import type { Environment } from "../core/storage.js";
import { yieldToEventLoop } from "./protocol.js";

export const workerEnvironment: Environment = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  randomId,
  yieldToEventLoop,
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A version 4 UUID. `crypto.randomUUID` is missing in insecure contexts, where memory storage still works. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
