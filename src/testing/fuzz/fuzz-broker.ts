/**
 * Hostile messages to the broker and to a holder's reception, as any script of the origin can send them: nothing is thrown, no more
 * is kept than the limits allow, and whoever speaks properly is served as before.
 */
import { limits } from "../../core/limits.js";
import { VERSION } from "../../version.js";
import { Broker } from "../../worker/broker.js";
import { Reception } from "../../worker/reception.js";
import { asWord } from "../../worker/rendezvous.js";
import { Random } from "../environment.js";
import { type FuzzTarget, faultOf } from "./fuzz-target.js";
import { mutateJson, oddValue } from "./mutate.js";

const INPUTS = 100;
const WORDS = [
  { type: "who", guest: "g" },
  { type: "who", guest: null },
  { type: "serving", host: "h", release: VERSION, ready: true, guest: null },
  { type: "offer", host: "other" },
  { type: "reach", host: "nobody" },
];

export const fuzzBroker: FuzzTarget = {
  name: "broker",
  inputs: INPUTS,
  seeds: 100,
  async run(seed) {
    const random = new Random(seed);
    const page = new Ear();
    const world = openWorld();
    world.broker.connect(page.port);
    try {
      for (let input = 0; input < INPUTS; input++) {
        const data = random.chance(0.2) ? oddValue(random) : mutateJson(random, random.pick(WORDS));
        page.hear(data, random.chance(0.5) ? [new Ear().port] : []);
        world.rendezvous.hear(data);
        if (asWord(data) !== null && !isWord(data)) return `${JSON.stringify(data)} was taken for a word`;
      }
    } catch (error) {
      return faultOf(error, []);
    }
    return unfit(world, page);
  },
};

function isWord(data: unknown): boolean {
  const { type, guest } = data as { type?: unknown; guest?: unknown };
  return (type === "who" || type === "serving") && (guest === null || typeof guest === "string");
}

/** What does not go on as it should. */
function unfit({ broker, rendezvous, relays }: World, page: Ear): string | null {
  if (relays.length > limits.guestsMax) return `${relays.length} relays are open`;
  rendezvous.told.length = 0;
  rendezvous.hear({ type: "who", guest: null });
  if (rendezvous.told.length !== 1) return `a proper question got ${rendezvous.told.length} answers`;
  const holder = new Ear();
  broker.connect(holder.port);
  holder.hear({ type: "offer", host: "holder" });
  page.hear({ type: "reach", host: "holder" }, [new Ear().port]);
  return holder.told.length === 1 ? null : `the holder was given ${holder.told.length} guests`;
}

interface World {
  broker: Broker;
  /** The rendezvous of the path. */
  rendezvous: Ear;
  relays: unknown[];
}

function openWorld(): World {
  const relays: unknown[] = [];
  const rendezvous = new Ear();
  const channels = [rendezvous];
  const reception = new Reception({
    open: () => (channels.pop() ?? new Ear()).port as unknown as BroadcastChannel,
    path: "p",
    host: "h",
    receive: (port) => void relays.push(port),
    wanted: () => undefined,
  });
  reception.serve();
  rendezvous.told.length = 0;
  const locks = { request: () => new Promise<never>(() => undefined) };
  return { broker: new Broker(locks as unknown as LockManager), rendezvous, relays };
}

/** One end of a port. What its listeners throw, hearing throws. */
class Ear {
  readonly told: unknown[] = [];
  readonly #listeners: ((event: { data: unknown; ports: MessagePort[] }) => void)[] = [];
  readonly port = {
    addEventListener: (_: string, listener: (event: { data: unknown; ports: MessagePort[] }) => void) => this.#listeners.push(listener),
    postMessage: (data: unknown) => this.told.push(data),
    start: () => undefined,
    close: () => undefined,
  } as unknown as MessagePort;

  hear(data: unknown, ports: MessagePort[] = []): void {
    for (const listener of this.#listeners) listener({ data, ports });
  }
}
