/**
 * Where the holder of a path receives its guests: it answers who asks for it, from the moment it has the lease until it begins to
 * close, and opens a relay for each guest that wants one.
 */
import { limits } from "../core/limits.js";
import { VERSION } from "../version.js";
import { asWord, type Changed, relayOf, rendezvousOf, type Serving } from "./rendezvous.js";

/** Opens a channel by name; tests bring their own. */
export type OpenChannel = (name: string) => BroadcastChannel;

export interface ReceptionParts {
  open: OpenChannel;
  path: string;
  /** The holder's presence lock. */
  host: string;
  /** Takes a guest; calls `ended` once it has gone. */
  receive(port: BroadcastChannel, ended: () => void): void;
  /** Somebody else wants to reach the engine. */
  wanted(): void;
}

export class Reception {
  readonly #parts: ReceptionParts;
  readonly #channel: BroadcastChannel;
  readonly #relays = new Map<string, BroadcastChannel>();
  #ready = false;
  #wanted = false;
  #isClosed = false;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
    this.#channel = parts.open(rendezvousOf(parts.path));
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
  }

  /** The engine is open: guests may come. */
  serve(): void {
    this.#ready = true;
    this.#say(null);
  }

  /** The catalog has changed. */
  changed(): void {
    const word: Changed = { type: "changed" };
    if (!this.#isClosed) this.#channel.postMessage(word);
  }

  /** No guest is answered any more; those that are here are left alone. */
  close(): void {
    this.#isClosed = true;
    this.#channel.close();
  }

  #hear(data: unknown): void {
    const word = asWord(data);
    if (word?.type !== "who") return;
    if (!this.#wanted) this.#parts.wanted();
    this.#wanted = true;
    if (word.guest !== null && this.#ready) this.#relay(word.guest);
    this.#say(this.#ready ? word.guest : null);
  }

  #relay(guest: string): void {
    if (this.#relays.has(guest) || this.#relays.size >= limits.guestsMax) return;
    const relay = this.#parts.open(relayOf(this.#parts.host, guest));
    this.#relays.set(guest, relay);
    this.#parts.receive(relay, () => {
      this.#relays.delete(guest);
      relay.close();
    });
  }

  #say(guest: string | null): void {
    const word: Serving = { type: "serving", host: this.#parts.host, release: VERSION, ready: this.#ready, guest };
    this.#channel.postMessage(word);
  }
}
