/**
 * A channel to the engine's thread, with the face of a browser's worker. It keeps the process alive while somebody waits for an answer,
 * and no longer.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";

export class ThreadChannel extends EventTarget {
  readonly #port: MessagePort;
  readonly #onEnd: () => void;
  /** The thread's end. */
  readonly inside: MessagePort;
  /** What an answer is waited for, by number or id. */
  readonly #waiting = new Set<unknown>();

  /** `onEnd` is told when whoever has the channel is done with it. */
  constructor(onEnd: () => void) {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.inside = port2;
    this.#onEnd = onEnd;
    port1.on("message", (data) => this.#receive(data));
    port1.unref();
  }

  postMessage(message: { call?: number; id?: string }, transfer: readonly Transferable[] = []): void {
    this.#port.postMessage(message, transfer as never);
    const asked = message.call ?? message.id;
    if (asked === undefined) return;
    this.#waiting.add(asked);
    this.#port.ref();
  }

  terminate(): void {
    this.#port.close();
    this.#onEnd();
  }

  /** The thread has ended by itself. */
  fail(message: string): void {
    this.dispatchEvent(Object.assign(new Event("error", { cancelable: true }), { message }));
  }

  #receive(data: { answer?: number; id?: string }): void {
    this.#waiting.delete(data.answer ?? data.id);
    if (this.#waiting.size === 0) this.#port.unref();
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}
