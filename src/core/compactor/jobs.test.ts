import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../../testing/environment.js";
import { gate, turns } from "../../testing/gate.js";
import { type IdleJob, Jobs } from "./jobs.js";

/** A collection, and which jobs are due on it. */
class Collection {
  dropped = false;
  closed = false;
  readonly due = new Set<string>();
  readonly urgent = new Set<string>();

  constructor(
    readonly name: string,
    ...due: string[]
  ) {
    for (const job of due) this.due.add(job);
  }
}

/** A queue whose pieces are noted as `job collection`. A piece makes its job not due any more, unless told otherwise. */
class Queue {
  readonly environment = new TestEnvironment();
  readonly collections: Collection[];
  readonly steps: string[] = [];
  /** What the pieces of a job do; `false`: that was not all. */
  readonly work = new Map<string, (collection: Collection, isOver: () => boolean) => Promise<unknown>>();
  readonly jobs: Jobs<Collection>;

  constructor(collections: Collection[], jobs: IdleJob<Collection>[]) {
    this.collections = collections;
    this.jobs = new Jobs({ environment: this.environment, states: () => this.collections, jobs });
  }

  static of(collections: Collection[], ...names: (keyof typeof kinds)[]): Queue {
    const queue: Queue = new Queue(
      collections,
      names.map((name) => ({
        ...kinds[name],
        isDue: ({ due }) => due.has(name),
        isUrgent: ({ urgent }) => urgent.has(name),
        run: (collection, isOver) => queue.#run(name, collection, isOver),
      })),
    );
    return queue;
  }

  async #run(name: string, collection: Collection, isOver: () => boolean): Promise<boolean> {
    this.steps.push(`${name} ${collection.name}`);
    const isDone = (await this.work.get(name)?.(collection, isOver)) !== false;
    if (isDone) collection.due.delete(name);
    return isDone;
  }

  /** Work that somebody asked for. */
  ask(collection: Collection, work: () => Promise<void> = async () => undefined, isWanted?: () => boolean): Promise<void> {
    const noted = () => {
      this.steps.push(`asked ${collection.name}`);
      return work();
    };
    return this.jobs.run(collection, noted, isWanted);
  }

  async advance(ms: number): Promise<string[]> {
    this.environment.advance(ms);
    await turns();
    return this.steps.splice(0);
  }
}

/** Named by how long they wait. */
const kinds = {
  first100: { idleMs: 100, priority: 1, writesBlocks: true, isAwaited: false },
  second100: { idleMs: 100, priority: 2, writesBlocks: true, isAwaited: false },
  third50: { idleMs: 50, priority: 3, writesBlocks: true, isAwaited: false },
  last1000: { idleMs: 1000, priority: 4, writesBlocks: true, isAwaited: false },
  builds: { idleMs: 30, priority: 1, writesBlocks: false, isAwaited: true },
  saves: { idleMs: 30, priority: 2, writesBlocks: true, isAwaited: true },
} as const;

describe("an idle job", () => {
  test("does not begin before its time without a write is over", async () => {
    const queue = Queue.of([new Collection("a", "first100")], "first100");
    expect(await queue.advance(1000)).toEqual([]);
    queue.jobs.noteWrite();
    expect(await queue.advance(99)).toEqual([]);
    expect(await queue.advance(1)).toEqual(["first100 a"]);
  });

  test("waits anew after each write, to whichever collection", async () => {
    const queue = Queue.of([new Collection("a", "first100", "third50")], "first100", "third50");
    queue.jobs.noteWrite();
    for (let write = 0; write < 5; write++) {
      expect(await queue.advance(40)).toEqual([]);
      queue.jobs.noteWrite();
    }
    expect(await queue.advance(50)).toEqual(["third50 a"]);
    expect(await queue.advance(49)).toEqual([]);
    expect(await queue.advance(1)).toEqual(["first100 a"]);
  });

  test("begins in time also when another waits much longer", async () => {
    const a = new Collection("a", "third50", "last1000");
    const queue = Queue.of([a], "third50", "last1000");
    queue.jobs.noteWrite();
    expect(await queue.advance(50)).toEqual(["third50 a"]);
    a.due.add("third50");
    queue.jobs.noteWrite();
    expect(await queue.advance(50)).toEqual(["third50 a"]);
    expect(await queue.advance(950)).toEqual(["last1000 a"]);
  });

  test("goes before those of a higher number, on all collections, one piece at a time", async () => {
    const collections = [new Collection("a", "third50", "second100"), new Collection("b", "second100", "first100")];
    const queue = Queue.of(collections, "third50", "second100", "first100");
    let running = 0;
    let most = 0;
    for (const name of ["first100", "second100", "third50"]) {
      queue.work.set(name, async () => {
        most = Math.max(most, ++running);
        await turns();
        running--;
      });
    }
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 b"]);
    expect(await queue.advance(0)).toEqual(["second100 a"]);
    expect(await queue.advance(0)).toEqual(["second100 b"]);
    expect(await queue.advance(0)).toEqual(["third50 a"]);
    expect(most).toBe(1);
  });

  test("that comes to be due by what a more important one did follows it", async () => {
    const a = new Collection("a", "first100");
    const queue = Queue.of([a], "first100", "second100");
    queue.work.set("first100", async () => void a.due.add("second100"));
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a", "second100 a"]);
  });

  test("is looked for once after a write, unless it is awaited", async () => {
    const a = new Collection("a");
    const queue = Queue.of([a], "first100", "saves");
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual([]);
    a.due.add("first100").add("saves");
    queue.jobs.noteStale();
    expect(await queue.advance(1000)).toEqual(["saves a"]);
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a"]);
  });

  test("that fails is not tried again before the next write, and keeps no other from its turn", async () => {
    const queue = Queue.of([new Collection("a", "first100"), new Collection("b", "first100")], "first100");
    queue.work.set("first100", ({ name }) => (name === "a" ? Promise.reject(new Error("full")) : Promise.resolve()));
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a", "first100 b"]);
    expect(await queue.advance(1000)).toEqual([]);
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a"]);
  });

  test("is done again when somebody wrote while it ran", async () => {
    const a = new Collection("a", "first100");
    const queue = Queue.of([a], "first100");
    const { held, open } = gate();
    queue.work.set("first100", () => held);
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a"]);
    queue.jobs.noteWrite();
    open();
    await turns();
    a.due.add("first100");
    expect(await queue.advance(99)).toEqual([]);
    expect(await queue.advance(1)).toEqual(["first100 a"]);
  });

  test("leaves alone what is dropped or closed, also since it began to wait for its turn", async () => {
    const [a, b, c] = [new Collection("a", "first100"), new Collection("b", "first100"), new Collection("c", "first100")];
    const queue = Queue.of([a, b, c], "first100");
    a.dropped = true;
    const { held, open } = gate();
    queue.work.set("first100", () => held);
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 b"]);
    c.closed = true;
    const asked = queue.ask(c);
    open();
    await asked;
    expect(await queue.advance(0)).toEqual([]);
  });

  test("does not wait for a clock that was set back", async () => {
    const queue = Queue.of([new Collection("a", "first100")], "first100");
    queue.jobs.noteWrite();
    const now = queue.environment.now();
    queue.environment.now = () => now - 3_600_000;
    expect(await queue.advance(100)).toEqual(["first100 a"]);
  });
});

describe("work that is asked for", () => {
  test("goes before idle jobs that have not begun, and after what has", async () => {
    const [a, b, c] = [new Collection("a", "first100"), new Collection("b", "first100"), new Collection("c")];
    const queue = Queue.of([a, b, c], "first100");
    const { held, open } = gate();
    queue.work.set("first100", () => held);
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a"]);
    const asked = Promise.all([queue.ask(c), queue.ask(b)]);
    open();
    await asked;
    expect(await queue.advance(0)).toEqual(["asked c", "asked b", "first100 b"]);
  });

  test("goes before an idle job whose time has come while another was under way", async () => {
    const [a, b, c] = [new Collection("a", "third50"), new Collection("b"), new Collection("c", "first100")];
    const queue = Queue.of([a, b, c], "third50", "first100");
    const { held, open } = gate();
    queue.work.set("third50", () => held);
    queue.jobs.noteWrite();
    expect(await queue.advance(50)).toEqual(["third50 a"]);
    expect(await queue.advance(50)).toEqual([]);
    const asked = queue.ask(b);
    open();
    await asked;
    expect(await queue.advance(0)).toEqual(["asked b", "first100 c"]);
  });

  test("is done once for all who ask before it begins, whose failure reaches them", async () => {
    const a = new Collection("a");
    const queue = Queue.of([a], "first100");
    const { held, open } = gate();
    const fail = () => held.then(() => Promise.reject(new Error("full")));
    const asked = [queue.ask(a, fail), queue.ask(a)];
    await turns();
    expect([queue.jobs.isBusy, queue.jobs.isAtWorkOn(a), queue.jobs.isAtWorkOn(new Collection("b"))]).toEqual([true, true, false]);
    open();
    for (const one of asked) await expect(one).rejects.toThrow("full");
    expect([queue.jobs.isBusy, queue.jobs.isAtWorkOn(a)]).toEqual([false, false]);
    await queue.ask(a);
    expect(queue.steps).toEqual(["asked a", "asked a"]);
  });

  test("is done once more for all who ask while it, or an idle job of its collection, is under way", async () => {
    const a = new Collection("a", "first100");
    const queue = Queue.of([a], "first100");
    const [idle, asked] = [gate(), gate()];
    queue.work.set("first100", () => idle.held);
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual(["first100 a"]);
    const first = queue.ask(a, () => asked.held);
    idle.open();
    expect(await queue.advance(0)).toEqual(["asked a"]);
    const others = [queue.ask(a), queue.ask(a)];
    expect(await queue.advance(0)).toEqual([]);
    asked.open();
    await Promise.all([first, ...others]);
    expect(queue.steps).toEqual(["asked a"]);
  });

  test("is left out when none of those who asked wants it any more", async () => {
    const a = new Collection("a");
    const queue = Queue.of([a], "first100");
    const { held, open } = gate();
    const first = queue.ask(a, () => held);
    await turns();
    let isWanted = false;
    const no = () => isWanted;
    const others = [queue.ask(a, undefined, no), queue.ask(a, undefined, no)];
    open();
    await Promise.all([first, ...others]);
    expect(queue.steps).toEqual(["asked a"]);
    isWanted = true;
    await Promise.all([queue.ask(a, undefined, () => false), queue.ask(a, undefined, no)]);
    expect(queue.steps).toEqual(["asked a", "asked a"]);
  });

  test("has idle jobs that were looked for in vain looked for again", async () => {
    const a = new Collection("a");
    const queue = Queue.of([a], "first100");
    queue.jobs.noteWrite();
    expect(await queue.advance(100)).toEqual([]);
    await queue.ask(a, async () => void a.due.add("first100"));
    expect(queue.steps.splice(0)).toEqual(["asked a"]);
    expect(await queue.advance(99)).toEqual([]);
    expect(await queue.advance(1)).toEqual(["first100 a"]);
  });

  test("does not wait for what is built in memory, nor does that wait for it", async () => {
    const [a, b] = [new Collection("a", "builds"), new Collection("b")];
    const queue = Queue.of([a, b], "builds", "first100");
    const [building, writing] = [gate(), gate()];
    queue.work.set("builds", () => building.held);
    const asked = queue.ask(b, () => writing.held);
    queue.jobs.noteWrite();
    expect(await queue.advance(30)).toEqual(["asked b", "builds a"]);
    writing.open();
    await asked;
    await queue.ask(a);
    expect(queue.steps).toEqual(["asked a"]);
    building.open();
  });
});

describe("a job in slices", () => {
  test("goes on slice by slice, and waits while writes come in", async () => {
    const queue = Queue.of([new Collection("a", "builds"), new Collection("b", "builds")], "builds");
    let slices = 0;
    let write = gate();
    queue.work.set("builds", async () => {
      if (++slices % 2 === 0) await write.held;
      return slices >= 4;
    });
    queue.jobs.noteWrite();
    expect(await queue.advance(30)).toEqual(["builds a", "builds a"]);
    queue.jobs.noteWrite();
    write.open();
    expect(await queue.advance(29)).toEqual([]);
    write = gate();
    write.open();
    expect(await queue.advance(1)).toEqual(["builds a", "builds a", "builds b"]);
  });

  test("goes on through writes while it is urgent, the urgent collection first", async () => {
    const [a, b] = [new Collection("a", "builds"), new Collection("b", "builds")];
    const queue = Queue.of([a, b], "builds");
    let slices = 0;
    queue.work.set("builds", async () => {
      queue.jobs.noteWrite();
      if (++slices === 3) b.urgent.clear();
      return false;
    });
    b.urgent.add("builds");
    queue.jobs.noteWrite();
    await queue.advance(10);
    queue.jobs.noteWrite();
    expect(await queue.advance(20)).toEqual(["builds b", "builds b", "builds b"]);
    expect(await queue.advance(29)).toEqual([]);
    expect(await queue.advance(1)).toEqual(["builds a"]);
  });
});

describe("an awaited job", () => {
  test("keeps its collection busy while it waits and runs, and no longer", async () => {
    const [a, b] = [new Collection("a", "saves", "first100"), new Collection("b", "first100")];
    const queue = Queue.of([a, b], "saves", "first100");
    const busy = () => [queue.jobs.isBusy, queue.jobs.isAtWorkOn(a), queue.jobs.isAtWorkOn(b)];
    expect(busy()).toEqual([false, false, false]);
    queue.jobs.noteWrite();
    expect(busy()).toEqual([true, true, false]);
    const { held, open } = gate();
    queue.work.set("saves", () => held);
    expect(await queue.advance(30)).toEqual(["saves a"]);
    expect(busy()).toEqual([true, true, false]);
    open();
    await turns();
    expect(busy()).toEqual([false, false, false]);
  });

  test("that failed keeps nobody busy before the next write", async () => {
    const a = new Collection("a", "saves");
    const queue = Queue.of([a], "saves");
    queue.work.set("saves", () => Promise.reject(new Error("full")));
    queue.jobs.noteWrite();
    await queue.advance(30);
    expect([queue.jobs.isBusy, queue.jobs.isAtWorkOn(a)]).toEqual([false, false]);
    queue.jobs.noteWrite();
    expect([queue.jobs.isBusy, queue.jobs.isAtWorkOn(a)]).toEqual([true, true]);
  });

  test("waits from a collection's opening on, and other jobs do not", async () => {
    const queue = Queue.of([new Collection("a", "saves", "third50")], "saves", "third50");
    queue.jobs.noteWrite();
    await queue.advance(20);
    queue.jobs.noteStale();
    expect(await queue.advance(29)).toEqual([]);
    queue.jobs.noteStale();
    expect(await queue.advance(1)).toEqual(["third50 a"]);
    expect(await queue.advance(29)).toEqual(["saves a"]);
  });
});

describe("a halted queue", () => {
  test("begins nothing, neither what waits nor what is asked for", async () => {
    const a = new Collection("a", "first100", "saves");
    const queue = Queue.of([a], "first100", "saves");
    queue.jobs.noteWrite();
    queue.jobs.halt();
    queue.jobs.noteWrite();
    await queue.ask(a);
    expect(await queue.advance(1000)).toEqual([]);
    expect([queue.jobs.isBusy, queue.jobs.isAtWorkOn(a)]).toEqual([false, false]);
  });

  test("tells what is under way to end, and waits for it", async () => {
    const [a, b] = [new Collection("a", "builds"), new Collection("b")];
    const queue = Queue.of([a, b], "builds");
    const { held, open } = gate();
    const told: boolean[] = [];
    queue.work.set("builds", async (_, isOver) => {
      told.push(isOver());
      await held;
      told.push(isOver());
      return false;
    });
    const writing = gate();
    const failing = queue.ask(b, () => writing.held.then(() => Promise.reject(new Error("full"))));
    const failed = expect(failing).rejects.toThrow("full");
    queue.jobs.noteWrite();
    await queue.advance(30);
    let hasStopped = false;
    const stopping = queue.jobs.stop().then(() => (hasStopped = true));
    writing.open();
    await failed;
    await turns();
    expect(hasStopped).toBe(false);
    open();
    await stopping;
    expect(told).toEqual([false, true]);
    expect(await queue.advance(1000)).toEqual([]);
  });
});

test("whoever drops a collection can wait for what is under way on it, and on it alone", async () => {
  const [a, b] = [new Collection("a"), new Collection("b")];
  const queue = Queue.of([a, b], "first100");
  const [one, other] = [gate(), gate()];
  const failing = queue.ask(a, () => one.held.then(() => Promise.reject(new Error("gone"))));
  const failed = expect(failing).rejects.toThrow("gone");
  const waiting = queue.ask(b, () => other.held);
  let hasEnded = false;
  const ended = queue.jobs.ended(a).then(() => (hasEnded = true));
  await turns();
  expect(hasEnded).toBe(false);
  one.open();
  await ended;
  await failed;
  other.open();
  await waiting;
  await queue.jobs.ended(a);
});
