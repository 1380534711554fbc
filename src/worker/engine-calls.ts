/**
 * Calls of the engine, each one message there and one back. Comlink would make a proxy, ids and wrappings for every call, which takes
 * as long as a short call itself; what is rare, the rest of a {@link HostSession}, goes by it. Both use the same channel, so what was
 * sent first arrives first, and neither hears the other's messages.
 */
import { type AnswerMessage, type CallMessage, onWire } from "./protocol.js";
import type { Session } from "./session.js";

/** A worker's end of a channel. */
interface Port {
  addEventListener(type: "message", listener: (event: Event) => void): void;
  postMessage(message: AnswerMessage): void;
}

/** To be called before Comlink listens. */
export function serveCalls(session: Pick<Session, "call">, port: Port): void {
  port.addEventListener("message", (event) => {
    const message = (event as MessageEvent<Partial<CallMessage> | null>).data;
    if (typeof message !== "object" || typeof message?.call !== "number") return;
    event.stopImmediatePropagation();
    void answer(session, port, message as CallMessage);
  });
}

async function answer(session: Pick<Session, "call">, port: Port, { call, method, request, caller }: CallMessage): Promise<void> {
  const message = await session.call(method, request, caller as Parameters<Session["call"]>[2]).then(
    (value): AnswerMessage => ({ answer: call, value }),
    (error: unknown): AnswerMessage => ({ answer: call, thrown: onWire(error) }),
  );
  try {
    port.postMessage(message);
  } catch {
    port.postMessage({ answer: call, thrown: onWire(new TypeError("Unserializable return value")) });
  }
}
