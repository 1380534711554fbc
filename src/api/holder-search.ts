/**
 * How a page finds who runs the engine of a path, and gets a channel to it: a port that the broker passes on, or a relay on a
 * `BroadcastChannel`, where there is no broker or it brings nothing.
 */
import { asWord, relayOf, rendezvousOf, type Serving, type Who } from "../worker/rendezvous.js";
import { createBroker } from "./create-broker.js";

/** Resolves with `null` after so long. */
export function timeout(ms: number): Promise<null> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, null) as unknown as { unref?(): void };
    timer.unref?.(); // In Node a timer would keep the process alive.
  });
}

/** The rendezvous of a path: what holders and others who search say there. */
export class HolderSearch {
  readonly #channel: BroadcastChannel;
  readonly #waiting = new Set<(word: Serving) => void>();
  readonly #onWord: (word: Who | Serving) => void;

  /** `onWord` hears that somebody asks, this page too, or that a holder answers. */
  constructor(path: string, onWord: (word: Who | Serving) => void) {
    this.#onWord = onWord;
    this.#channel = new BroadcastChannel(rendezvousOf(path));
    (this.#channel as { unref?(): void }).unref?.();
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
  }

  /** Asks who serves; `null` when nobody has answered for so long. */
  ask(guest: string | null, ms: number): Promise<Serving | null> {
    const who: Who = { type: "who", guest };
    this.#channel.postMessage(who);
    this.#onWord(who);
    return this.listen(ms, guest);
  }

  /** The next holder to speak, to this guest if one is named. */
  listen(ms: number, guest: string | null = null): Promise<Serving | null> {
    let hear!: (word: Serving) => void;
    const heard = new Promise<Serving>((resolve) => {
      hear = (word) => (guest === null || word.guest === guest) && resolve(word);
      this.#waiting.add(hear);
    });
    return Promise.race([heard, timeout(ms)]).finally(() => this.#waiting.delete(hear));
  }

  /** A channel that only the holder and this guest use, once the holder has said that it is open. */
  async relay(host: string, guest: string, ms: number): Promise<BroadcastChannel | null> {
    const word = await this.ask(guest, ms);
    if (word?.host !== host) return null;
    const relay = new BroadcastChannel(relayOf(host, guest));
    (relay as { unref?(): void }).unref?.();
    return relay;
  }

  close(): void {
    this.#channel.close();
  }

  #hear(data: unknown): void {
    const word = asWord(data);
    if (word === null || word.type === "changed") return;
    this.#onWord(word);
    if (word.type === "serving") for (const hear of this.#waiting) hear(word);
  }
}

/** This realm's connection to the broker; `null` when there is none. */
let broker: SharedWorker | null | undefined;
const offered = new Map<string, (port: MessagePort) => void>();

function reachBroker(): SharedWorker | null {
  if (broker !== undefined) return broker;
  try {
    broker = createBroker();
  } catch {
    broker = null; // Refused by a policy: guests are relayed.
  }
  broker?.addEventListener("error", () => (broker = null));
  broker?.port.addEventListener("message", ({ data, ports: [port] }: MessageEvent<{ host: string }>) => {
    if (port !== undefined) offered.get(data.host)?.(port);
  });
  broker?.port.start();
  return broker;
}

/** Has the broker send ports for this holder, whose worker is this page's; `null` ends it. */
export function offerHolder(host: string, receive: ((port: MessagePort) => void) | null): void {
  if (receive === null) return void offered.delete(host);
  offered.set(host, receive);
  reachBroker()?.port.postMessage({ type: "offer", host });
}

/** A port that is on its way to the holder. It leads nowhere where the holder's page does not pass it on. */
export function portToHolder(host: string): MessagePort | null {
  const through = reachBroker();
  if (through === null) return null;
  const { port1, port2 } = new MessageChannel();
  through.port.postMessage({ type: "reach", host }, [port2]);
  return port1;
}
