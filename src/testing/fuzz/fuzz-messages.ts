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
      const made = await wire.ask(
        call("call", ["createCollection", { ...SCOPE, name: "tides", metadata: null, configuration: {}, getOrCreate: false }, CALLER]),
      );
      const { id } = (made as { value: { id: string } }).value;
      for (let input = 0; input < INPUTS; input++) {
        const message = hostileMessage(random, id);
        const fault = await wire.faultOf(message);
        if (fault !== null) return `message ${input}, ${JSON.stringify(message)}: ${fault}`;
      }
      const count = await wire.ask(call("call", ["count", { collectionId: id }, CALLER]));
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
  switch (random.below(6)) {
    case 0:
      return mutateJson(random, { ...call("call", ["count", request, CALLER]) });
    case 1:
      return {
        ...call("call", []),
        type: random.pick(["GET", "SET", "CONSTRUCT", "ENDPOINT", "APPLY", "constructor"]),
        path: [random.pick(FOREIGN), random.pick(FOREIGN)],
      };
    case 2:
      return call(random.pick(FOREIGN.filter((name) => name !== "close")), [oddValue(random)]);
    case 3:
      return call("call", [random.pick(FOREIGN), request, CALLER]);
    case 4:
      return call("call", [random.pick(METHODS.filter((name) => name !== "createCollection")), mutateJson(random, request), CALLER]);
    default:
      return call("call", [
        random.pick(METHODS.filter((name) => !["write", "delete", "createCollection"].includes(name))),
        request,
        mutateJson(random, CALLER),
      ]);
  }
}

/** The other end of a session, which sends what it likes. */
class Wire {
  readonly #port: MessagePort;
  readonly #inside: MessagePort;
  readonly #waiting = new Map<string, (answer: unknown) => void>();
  #ids = 0;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#inside = port2;
    port1.onmessage = ({ data }: MessageEvent<{ id: string }>) => this.#waiting.get(data.id)?.(data);
    memoryHost().connect(port2);
  }

  /** The answer to a message, which gets an id. */
  ask(message: Record<string, unknown>): Promise<unknown> {
    const id = `m${++this.#ids}`;
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#port.postMessage({ ...message, id });
    return answer;
  }

  /** A message that is no object, or no call, gets no answer; then one that is asked after it does. */
  async faultOf(message: unknown): Promise<string | null> {
    const isObject = typeof message === "object" && message !== null && !Array.isArray(message);
    const types: unknown[] = ["GET", "SET", "APPLY", "CONSTRUCT", "ENDPOINT"];
    const isComlink = isObject && types.includes((message as { type?: unknown }).type);
    if (!isComlink) {
      this.#port.postMessage(message);
      await this.ask(call("presence", []));
      return null;
    }
    const { name, value } = (await this.ask(message as Record<string, unknown>)) as {
      name?: string;
      value?: { value?: { code?: string; message?: string } };
    };
    if (name !== "throw") return null;
    const { code, message: words } = value?.value ?? {};
    return code === undefined || code === "INTERNAL" ? `answered ${code}: ${words}` : null;
  }

  async close(): Promise<void> {
    await this.ask(call("close", []));
    this.#port.close();
    this.#inside.close();
  }
}
