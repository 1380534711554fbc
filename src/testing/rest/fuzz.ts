/**
 * The seeded comparison of the REST gateway with its model: the same requests to both, with compactions and reopenings in
 * between, and of a sequence that finds a difference the shortest part that still does.
 */
import { isDeepStrictEqual } from "node:util";
import { TidepoolClient } from "../../api/client.js";
import { createGateway, type Gateway } from "../../api/rest/create-gateway.js";
import { Engine } from "../../core/engine.js";
import { referenceKernel } from "../../core/index/vector/reference-kernel.js";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { Host } from "../../worker/host.js";
import { Random, TestEnvironment } from "../environment.js";
import { loadPatterns } from "../patterns.js";
import { TestWorker } from "../worker.js";
import { generateSteps, type Step } from "./requests.js";
import { ANYTHING, LearnedId, type ModelAnswer, type ModelRequest, Near, RestModel } from "./rest-model.js";

const STEPS = 60;

interface Difference {
  /** Index of the step. */
  at: number;
  /** Where in the answer, such as `body.ids.0`. */
  place: string;
  expected: unknown;
  actual: unknown;
}

/** What went wrong with a seed, in words; `null` when nothing did. */
export async function fuzz(seed: number): Promise<string | null> {
  const steps = generateSteps(new Random(seed), STEPS);
  const difference = await run(steps);
  if (difference === null) return null;
  const { steps: shorter, difference: last } = await shrink(steps.slice(0, difference.at + 1), difference);
  const lines = shorter.map((step) =>
    typeof step === "string"
      ? step
      : `${step.method} ${step.path} ${show(step.body)}${step.contentType === undefined ? "" : ` (content type ${step.contentType})`}`,
  );
  return [
    `seed ${seed} differs; shrunk to ${shorter.length} steps:`,
    ...lines.map((line, i) => `${i + 1}. ${line}`),
    `${last.place}: expected ${show(last.expected)}, answered ${show(last.actual)}`,
  ].join("\n");
}

let databases = 0;

/** Runs the steps on a new database, up to the first difference. */
async function run(steps: readonly Step[]): Promise<Difference | null> {
  const world = new World(`fuzz-${++databases}`);
  try {
    for (const [at, step] of steps.entries()) {
      const difference = await world.step(step);
      if (difference !== null) return { at, ...difference };
    }
    return null;
  } finally {
    await world.end();
  }
}

/** Leaves out whatever is not needed for a difference at the last step, first in large parts, then one by one. */
async function shrink(steps: Step[], difference: Difference): Promise<{ steps: Step[]; difference: Difference }> {
  for (let size = steps.length >> 1; size > 0; size = size === 1 ? 0 : size >> 1) {
    for (let from = steps.length - 1 - size; from >= 0; from -= size) {
      const fewer = steps.filter((_, i) => i < from || i >= from + size);
      const found = await run(fewer);
      if (found === null) continue;
      steps = fewer.slice(0, found.at + 1);
      difference = found;
      from = Math.min(from, steps.length - 1);
    }
  }
  return { steps, difference };
}

/** A gateway over an engine in memory, and the model beside it. */
class World {
  readonly #path: string;
  readonly #environment = new TestEnvironment();
  readonly #model = new RestModel(() => this.#environment.now());
  readonly #learned = new Set<string>();
  #engine: Engine | null = null;
  #client!: TidepoolClient;
  #gateway!: Gateway;

  constructor(path: string) {
    this.#path = path;
    this.#open();
  }

  #open(): void {
    const host = () =>
      new Host({
        locks: undefined,
        openStorage: ({ path }) => openMemoryStorage(path),
        openEngine: async (storage, options) => {
          const environment = this.#environment;
          this.#engine = await Engine.open({
            storage,
            kernel: referenceKernel,
            loadPatterns,
            environment,
            options,
            deadOrdinalsMax: () => 4,
          });
          return this.#engine;
        },
        destroyStorage: async () => undefined,
        randomId: () => this.#environment.randomId(),
      });
    this.#client = new TidepoolClient({ path: this.#path, storage: "memory", allowReset: true, worker: TestWorker.factory(host) });
    this.#gateway = createGateway(this.#client);
  }

  async step(step: Step): Promise<Omit<Difference, "at"> | null> {
    if (step === "reopen") {
      await this.#client.close();
      this.#engine = null;
      this.#open();
      return null;
    }
    if (step === "compact") {
      for (const id of this.#model.collectionIds()) await this.#engine?.compact(id);
      return null;
    }
    // The model sees what JSON leaves of a body, in which -0 is 0.
    const sent = typeof step.body === "object" ? { ...step, body: JSON.parse(JSON.stringify(step.body)) as unknown } : step;
    const path = this.#model.resolve(step.path);
    const expected = this.#model.answer(sent);
    return this.#differ(expected, await this.#ask({ ...sent, path }), "");
  }

  async #ask({ method, path, body, contentType = "application/json" }: ModelRequest): Promise<ModelAnswer> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const headers: HeadersInit = contentType === null ? {} : { "content-type": contentType };
    // Without a content type a text would get one, so it goes as bytes.
    const sent = method === "GET" || text === undefined ? undefined : new TextEncoder().encode(text);
    const response = await this.#gateway(new Request(`http://localhost:8000${path}`, { method, headers, body: sent }));
    const answer = await response.text();
    return { status: response.status, body: response.headers.get("content-type") === "application/json" ? JSON.parse(answer) : answer };
  }

  /** The first place where the answer is not as expected. */
  #differ(expected: unknown, actual: unknown, place: string): Omit<Difference, "at"> | null {
    const difference = { place: place.slice(1), expected, actual };
    if (typeof expected !== "object" || expected === null || expected instanceof Near || expected instanceof LearnedId) {
      return this.#same(expected, actual) ? null : difference;
    }
    if (typeof actual !== "object" || actual === null || Array.isArray(expected) !== Array.isArray(actual)) return difference;
    if (!isDeepStrictEqual(Object.keys(expected).sort(), Object.keys(actual).sort())) return difference;
    for (const [key, value] of Object.entries(expected)) {
      const inner = this.#differ(value, (actual as Record<string, unknown>)[key], `${place}.${key}`);
      if (inner !== null) return inner;
    }
    return null;
  }

  #same(expected: unknown, actual: unknown): boolean {
    if (expected === ANYTHING) return actual !== undefined && actual !== "";
    if (expected instanceof LearnedId) return this.#learn(expected, actual);
    if (!(expected instanceof Near)) return expected === actual;
    return typeof actual === "number" && Math.abs(Math.fround(actual) - expected.value) <= 1e-5 * Math.max(1, Math.abs(expected.value));
  }

  #learn(id: LearnedId, actual: unknown): boolean {
    if (id.value !== null) return id.value === actual;
    if (typeof actual !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(actual) || this.#learned.has(actual))
      return false;
    this.#learned.add(actual);
    id.value = actual;
    return true;
  }

  async end(): Promise<void> {
    await this.#client.close();
    await (await openMemoryStorage(this.#path)).destroy();
  }
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, one: unknown) =>
      one instanceof Near ? one.value : one instanceof LearnedId ? (one.value ?? "a new id") : one === ANYTHING ? "anything" : one,
    ) ?? ""
  );
}
