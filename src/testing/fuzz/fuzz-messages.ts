/**
 * Hostile messages to a worker: whatever comes through its port, each that has an id is answered, by a value or by an error of ours
 * that is not `INTERNAL`; nothing is thrown outside of an answer, and the session goes on to answer calls as before.
 */
import { VERSION } from "../../version.js";
import { memoryHost } from "../client.js";
import { Random } from "../environment.js";
import type { FuzzTarget } from "./fuzz-target.js";
import { mutateJson, oddValue } from "./mutate.js";

const INPUTS = 100;
const METHODS = [
  "createCollection",
  "getCollection",
  "listCollections",
  "get",
  "conditionalGet",
  "conditionalCommit",
  "query",
  "search",
  "searchText",
  "hybrid",
  "count",
  "facets",
  "autoSuggest",
  "distinct",
  "write",
  "delete",
];
const FOREIGN = [
  "constructor",
  "__proto__",
  "toString",
  "hasOwnProperty",
  "push",
  "end",
  "then",
  "valueOf",
  "close",
  "more",
  "",
  "nothing",
];
const SCOPE = { tenant: "default_tenant", database: "default_database" };
const CALLER = { token: null, clientId: "c", requestId: "c-1" };

export const fuzzMessages: FuzzTarget = {
  name: "messages",
  inputs: INPUTS,
  seeds: 150,
  async run(seed) {
    const random = new Random(seed);
    const wire = new Wire();
    try {
      await wire.ask(call("open", [{ path: `messages-${seed}`, storage: "memory", durability: "strict", allowReset: false }, VERSION]));
      const tides = { ...SCOPE, name: "tides", metadata: null, configuration: {}, getOrCreate: false };
      const made = await wire.askEngine({ method: "createCollection", request: tides, caller: CALLER });
      const { id } = (made as { value: { id: string } }).value;
      for (let input = 0; input < INPUTS; input++) {
        const message = hostileMessage(random, id);
        const fault = await wire.faultOf(message);
        if (fault !== null) return `message ${input}, ${JSON.stringify(message)}: ${fault}`;
      }
      const count = await wire.askEngine({ method: "count", request: { collectionId: id }, caller: CALLER });
      return (count as { value: unknown }).value === 0 ? null : `the collection counts ${JSON.stringify(count)}`;
    } finally {
      await wire.close();
    }
  },
};

function call(method: string, values: readonly unknown[]): Record<string, unknown> {
  return { type: "APPLY", path: [method], argumentList: values.map((value) => ({ type: "RAW", value })) };
}

function hostileMessage(random: Random, collectionId: string): unknown {
  const request = { ...SCOPE, collectionId, name: "tides", ids: ["a"], include: [], searches: [{}], query: "tide", nResults: 2 };
  switch (random.below(7)) {
    case 0:
      return mutateJson(random, { ...call("cancel", ["c-1"]) });
    case 1:
      return {
        ...call("cancel", []),
        type: random.pick(["GET", "SET", "CONSTRUCT", "ENDPOINT", "APPLY", "constructor"]),
        path: [random.pick(FOREIGN), random.pick(FOREIGN)],
      };
    case 2:
      return call(random.pick(FOREIGN.filter((name) => name !== "close")), [oddValue(random)]);
    case 3:
      return { method: random.pick(FOREIGN), request, caller: CALLER };
    case 4:
      return {
        method: random.pick(METHODS.filter((name) => name !== "createCollection")),
        request: mutateJson(random, request),
        caller: CALLER,
      };
    case 5:
      return mutateJson(random, { method: "count", request, caller: CALLER });
    default:
      return {
        method: random.pick(METHODS.filter((name) => !["write", "delete", "createCollection"].includes(name))),
        request,
        caller: mutateJson(random, CALLER),
      };
  }
}

/** The other end of a session, which sends what it likes. */
class Wire {
  readonly #port: MessagePort;
  readonly #inside: MessagePort;
  readonly #waiting = new Map<string | number, (answer: unknown) => void>();
  #ids = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#inside = port2;
    port1.onmessage = ({ data }: MessageEvent<{ id: string; answer?: number }>) => this.#waiting.get(data.answer ?? data.id)?.(data);
    memoryHost().connect(port2);
  }

  /** The answer to a message, which gets an id. */
  ask(message: Record<string, unknown>): Promise<unknown> {
    const id = `m${++this.#ids}`;
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#port.postMessage({ ...message, id });
    return answer;
  }

  /** The answer to a call of the engine, which gets a number. */
  askEngine(message: object): Promise<unknown> {
    const call = ++this.#ids;
    const answer = new Promise((resolve) => this.#waiting.set(call, resolve));
    this.#port.postMessage({ ...message, call });
    return answer;
  }

  /** A message that is no object, or no call, gets no answer; then one that is asked after it does. */
  async faultOf(message: unknown): Promise<string | null> {
    const isObject = typeof message === "object" && message !== null && !Array.isArray(message);
    const types: unknown[] = ["GET", "SET", "APPLY", "CONSTRUCT", "ENDPOINT"];
    const isComlink = isObject && types.includes((message as { type?: unknown }).type);
    if (isObject && "method" in message) return faultOfThrown(((await this.askEngine(message)) as { thrown?: ThrownOnWire }).thrown);
    if (!isComlink) {
      this.#port.postMessage(message);
      await this.ask(call("presence", []));
      return null;
    }
    const { name, value } = (await this.ask(message as Record<string, unknown>)) as { name?: string; value?: ThrownOnWire };
    return name === "throw" ? faultOfThrown(value) : null;
  }

  async close(): Promise<void> {
    await this.ask(call("close", []));
    this.#port.close();
    this.#inside.close();
  }
}

interface ThrownOnWire {
  value?: { code?: string; message?: string };
}

function faultOfThrown(thrown: ThrownOnWire | undefined): string | null {
  if (thrown === undefined) return null;
  const { code, message } = thrown.value ?? {};
  return code === undefined || code === "INTERNAL" ? `answered ${code}: ${message}` : null;
}
