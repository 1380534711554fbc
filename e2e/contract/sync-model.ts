/**
 * Schedules of two devices that sync with one server, with faults, and what must hold in the end: both devices and the server are
 * equal, and no write is lost. A write is lost when its value is not there in the end, though nobody wrote over it who had seen it, and
 * no conflict was told of it.
 *
 * A schedule is a seed. Who takes the next step is drawn by it, too: an actor (a round of a device, or a user) stops before and after each
 * request, and goes on when it is its turn. So a seed is the same schedule each time, as long as the requests are.
 */
import assert from "node:assert/strict";
import type { Collection, TidepoolClient } from "tidepool-db";
import type { Sync, SyncOptions, SyncResolution } from "tidepool-db/sync";

/** Where schedules run. */
export interface Home {
  /** A database of its own. */
  openDevice(): TidepoolClient;
  /** Requests to the server. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  url: string;
  /** A client of the server that is no device, without faults. */
  server(): TidepoolClient;
  /** Whether two rounds, or a round and somebody else's write to the server, may go on at once: a server with conditional commits. */
  isConditional: boolean;
  /** Sets the server back to what it was when this was called; `null` where that cannot be tried. */
  snapshot: (() => Promise<() => Promise<void>>) | null;
  /** Begins a sync; `step` is awaited before and after each step on the device, and throws when that has crashed. */
  begin(client: TidepoolClient, options: SyncOptions, step: () => Promise<void>): Promise<Sync>;
}

export interface Schedule {
  seed: number;
  /** User writes, rounds, crashes and the like. */
  actions: number;
  name: string;
}

type Random = () => number;

/** 0–1, by a seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lets one actor go on at a time, chosen by chance, when all have stopped. */
class Stage {
  readonly #random: Random;
  readonly #stopped: (() => void)[] = [];
  #actors = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Awaited by an actor before each step. */
  step(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped.push(resolve);
      this.#next();
    });
  }

  async act<T>(body: () => Promise<T>): Promise<T> {
    this.#actors++;
    try {
      return await body();
    } finally {
      this.#actors--;
      this.#next();
    }
  }

  #next(): void {
    if (this.#stopped.length === 0 || this.#stopped.length < this.#actors) return;
    this.#stopped.splice(Math.floor(this.#random() * this.#stopped.length), 1)[0]!();
  }
}

/** What was written, and by what it was followed. */
class Ledger {
  readonly #values = new Map<string, { id: string; isSeen: boolean; isDeleted: boolean }>();
  readonly #told = new Set<string>();
  #isRestored = false;

  wrote(id: string, value: string, over: string | null): void {
    this.#values.set(value, { id, isSeen: false, isDeleted: false });
    if (over !== null) this.#values.get(over)!.isSeen = true;
  }

  deleted(over: string): void {
    this.#values.get(over)!.isDeleted = true;
  }

  told({ local, remote }: SyncResolution): void {
    for (const record of [local, remote]) if (record !== null) this.#told.add(record.document!);
  }

  /** The server has gone back: what nobody else had is lost with it, and what was deleted may come back. */
  restored(lost: Iterable<string>): void {
    this.#isRestored = true;
    for (const value of lost) this.#told.add(value);
  }

  /** A value that no user has written. */
  merged(id: string, value: string): void {
    if (!this.#values.has(value)) this.#values.set(value, { id, isSeen: false, isDeleted: false });
  }

  check(final: ReadonlyMap<string, string>): void {
    for (const [value, { id, isSeen, isDeleted }] of this.#values) {
      const isThere = final.get(id) === value;
      const isExcused = this.#told.has(value);
      if (!isThere) assert.ok(isSeen || isDeleted || isExcused, `${value} of ${id} is lost: ${final.get(id) ?? "nothing"} is there`);
      else assert.ok(!isSeen || isExcused, `${value} of ${id} has come back`);
      if (isThere && isDeleted) assert.ok(isExcused || this.#isRestored, `${value} of ${id} was deleted, and has come back`);
    }
  }
}

/** The device has ended in mid-step. */
class Crashed extends Error {}

const IDS = Array.from({ length: 8 }, (_, i) => `r${i}`);
const RULES = ["local", "remote", "newest", "merge"] as const;

class Device {
  readonly client: TidepoolClient;
  readonly #world: World;
  /** What its clock is wrong by. */
  readonly skew: number;
  #sync: Sync | null = null;
  /** Whether the sync under way has crashed: nothing of it takes effect any more. */
  #life = { isOver: false };

  constructor(world: World, client: TidepoolClient, skew: number) {
    this.#world = world;
    this.client = client;
    this.skew = skew;
  }

  collection(): Promise<Collection> {
    return this.client.getOrCreateCollection({ name: this.#world.schedule.name, embeddingFunction: null });
  }

  async round(): Promise<void> {
    const sync = (this.#sync ??= await this.#begin());
    try {
      const report = await sync.now();
      for (const { rejected } of report.collections) if (rejected.length > 0) throw rejected[0]!.error;
    } catch (error) {
      if (!this.#life.isOver && !(this.#world.hasFaults && (error as { code?: string }).code === "CONNECTION_LOST")) throw error;
    }
    if (this.#life.isOver) await this.end();
  }

  /** As when its page is closed. */
  async end(): Promise<void> {
    this.#life.isOver = true;
    const sync = this.#sync;
    this.#sync = null;
    await sync?.stop();
    this.#life = { isOver: false };
  }

  async #begin(): Promise<Sync> {
    const { home, schedule, rule, usesRevisions } = this.#world;
    const life = this.#life;
    const options: SyncOptions = {
      remote: { url: home.url, fetch: (url, init) => this.#fetch(url, init, life) },
      collections: [schedule.name],
      conflict:
        rule === "merge"
          ? ({ local, remote }) => (local === null ? "remote" : remote === null ? "local" : mergedOf(local.document!, remote.document!))
          : rule,
      ...(usesRevisions || rule === "newest" ? { revisionKey: "revision" } : {}),
      intervalMs: null,
    };
    const sync = await home.begin(this.client, options, () => this.#step(life));
    sync.on("conflict", (resolution) => this.#world.ledger.told(resolution));
    return sync;
  }

  async #step(life: { isOver: boolean }): Promise<void> {
    await this.#world.stage.step();
    if (this.#world.draws("crash")) life.isOver = true;
    if (life.isOver) throw new Crashed("the device has crashed");
  }

  async #fetch(url: string, init: RequestInit, life: { isOver: boolean }): Promise<Response> {
    await this.#step(life);
    if (this.#world.draws("before")) throw new TypeError("the network is down");
    if (!this.#world.tellsOperations && url.endsWith("/indexing_status")) return notImplemented();
    const response = await this.#world.home.fetch(url, init);
    if (response.ok && typeof init.body === "string") this.#world.reached(JSON.parse(init.body));
    if (this.#world.draws("after")) throw new TypeError("the answer is lost");
    await this.#step(life);
    return response;
  }
}

interface Columns {
  ids?: string[];
  documents?: (string | null)[];
}

/** Of a write, or of those of a commit. */
function columnsIn(body: unknown): Columns[] {
  const { operations } = body as { operations?: { payload: Columns }[] };
  return operations?.map(({ payload }) => payload) ?? [body as Columns];
}

function notImplemented(): Response {
  return new Response(JSON.stringify({ error: "InternalError", message: "Method scout_logs is not implemented" }), { status: 500 });
}

/** What every device makes of both. */
function mergedOf(one: string, other: string): { document: string } {
  return { document: [...new Set([one, other].flatMap((value) => value.split("+")))].sort().join("+") };
}

class World {
  readonly home: Home;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly stage: Stage;
  readonly ledger = new Ledger();
  readonly rule: (typeof RULES)[number];
  readonly usesRevisions: boolean;
  readonly tellsOperations: boolean;
  readonly devices: Device[];
  hasFaults = true;
  isRestored = false;
  #values = 0;
  #clock = 1_000_000;
  readonly #faults: Readonly<Record<"crash" | "before" | "after", number>>;

  constructor(home: Home, schedule: Schedule) {
    this.home = home;
    this.schedule = schedule;
    this.random = randomOf(schedule.seed);
    this.stage = new Stage(this.random);
    this.rule = this.pick(RULES);
    this.usesRevisions = this.random() < 0.5;
    this.tellsOperations = this.random() < 0.5;
    const often = this.pick([0, 0.01, 0.04]);
    this.#faults = { crash: often / 2, before: often, after: often };
    const skews = [0, this.pick([0, -50_000, 50_000])];
    this.devices = skews.map((skew) => new Device(this, home.openDevice(), skew));
  }

  pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.random() * all.length)]!;
  }

  draws(fault: "crash" | "before" | "after"): boolean {
    return this.hasFaults && this.random() < this.#faults[fault];
  }

  /** A device's merged values count from where they have reached the server: it may end between telling of one and writing it. */
  reached(body: unknown): void {
    for (const { ids = [], documents = [] } of columnsIn(body)) {
      ids.forEach((id, i) => {
        if (documents[i]?.includes("+")) this.ledger.merged(id, documents[i]);
      });
    }
  }

  /** Somebody writes who has seen what is there. */
  async write(collection: Collection, skew: number): Promise<void> {
    const id = this.pick(IDS);
    const { documents } = await collection.get({ ids: [id] });
    const seen = documents[0] ?? null;
    const isDeletion = seen !== null && this.random() < 0.25;
    if (isDeletion) {
      await collection.delete({ ids: [id] });
      this.ledger.deleted(seen);
      return;
    }
    const value = `v${++this.#values}`;
    const metadatas = [{ revision: (this.#clock += 10) + skew, [this.pick(["a", "b"])]: this.#values }];
    const embeddings = [[this.#values, 1]];
    if (seen === null) await collection.add({ ids: [id], embeddings, documents: [value], metadatas });
    else await collection.update({ ids: [id], embeddings, documents: [value], metadatas });
    this.ledger.wrote(id, value, seen);
  }

  async contentsOf(client: TidepoolClient): Promise<Map<string, string>> {
    const collection = await client.getOrCreateCollection({ name: this.schedule.name, embeddingFunction: null });
    const { ids, documents } = await collection.get();
    return new Map(ids.map((id, i) => [id, documents[i]!]));
  }
}

/** Runs a schedule, and throws what does not hold in the end. */
export async function runSchedule(home: Home, schedule: Schedule): Promise<void> {
  const world = new World(home, schedule);
  try {
    await act(world);
    world.hasFaults = false;
    const final = await settle(world);
    world.ledger.check(final);
  } catch (error) {
    const kind = `${world.rule}${world.usesRevisions ? ", revisions" : ""}${world.tellsOperations ? ", operations" : ""}`;
    throw new Error(`seed ${schedule.seed} (${kind}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    for (const device of world.devices) await device.end();
    await Promise.all(world.devices.map(({ client }) => client.close()));
  }
}

async function act(world: World): Promise<void> {
  let goBack: (() => Promise<void>) | null = null;
  for (const device of world.devices) await device.collection();
  for (let i = 0; i < world.schedule.actions; i++) {
    const drawn = world.random();
    const device = world.pick(world.devices);
    if (drawn < 0.45) await world.write(await device.collection(), device.skew);
    else if (drawn < 0.5) await writeThere(world);
    else if (drawn < 0.55) await device.end();
    else if (drawn < 0.58 && world.home.snapshot !== null) goBack ??= await world.home.snapshot();
    else if (drawn < 0.6 && goBack !== null) {
      await restore(world, goBack);
      goBack = null;
    } else await rounds(world, device);
  }
}

/** Somebody who is no device writes to the server, where there is the collection. */
async function writeThere(world: World): Promise<void> {
  const server = world.home.server();
  const found = await server.getCollection({ name: world.schedule.name, embeddingFunction: undefined as never }).catch(() => null);
  if (found !== null) await world.write(found, 0);
}

/** One or two rounds, and writes of users, and to the server, that come between their steps. */
async function rounds(world: World, device: Device): Promise<void> {
  const { stage, devices, home } = world;
  const others = home.isConditional && world.random() < 0.5 ? devices.filter((one) => one !== device) : [];
  const actors = [device, ...others].map((one) => stage.act(() => one.round()));
  const writers = devices
    .filter(() => world.random() < 0.5)
    .map((one) => one.collection().then((collection) => ({ collection, skew: one.skew })));
  for (const { collection, skew } of await Promise.all(writers)) {
    actors.push(
      stage.act(async () => {
        for (let i = world.random() * 4; i > 0; i--) {
          await stage.step();
          await world.write(collection, skew);
        }
      }),
    );
  }
  if (home.isConditional && world.random() < 0.3) {
    actors.push(
      stage.act(async () => {
        await stage.step();
        await writeThere(world);
      }),
    );
  }
  await Promise.all(actors);
}

async function restore(world: World, goBack: () => Promise<void>): Promise<void> {
  const there = await world.contentsOf(world.home.server());
  const here = await Promise.all(world.devices.map(({ client }) => world.contentsOf(client)));
  world.ledger.restored([...there].filter(([id, value]) => here.every((one) => one.get(id) !== value)).map(([, value]) => value));
  await goBack();
  world.isRestored = true;
}

/** Rounds without faults until nothing changes any more. */
async function settle(world: World): Promise<Map<string, string>> {
  for (let i = 0; i < 3; i++) {
    for (const device of world.devices) {
      // A sync that begins finds what a clock that is behind has hidden from the one before, or a server that was set back.
      if (world.usesRevisions || world.rule === "newest" || world.isRestored) await device.end();
      await world.stage.act(() => device.round());
    }
  }
  const [here, other, there] = await Promise.all(
    [...world.devices.map(({ client }) => client), world.home.server()].map((one) => world.contentsOf(one)),
  );
  assert.deepEqual(sorted(here!), sorted(there!), "the first device and the server differ");
  assert.deepEqual(sorted(other!), sorted(there!), "the second device and the server differ");
  return there!;
}

function sorted(contents: Map<string, string>): [string, string][] {
  return [...contents].sort(([one], [other]) => (one < other ? -1 : 1));
}
