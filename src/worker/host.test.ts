import { wrap } from "comlink";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import type { Tenure } from "../storage/tenure.js";
import { TestEngine } from "../testing/engine.js";
import { gate } from "../testing/gate.js";
import { TestLocks } from "../testing/locks.js";
import { VERSION } from "../version.js";
import { Host, type HostParts } from "./host.js";
import { acquireLease, type Locks } from "./lease.js";
import type { HostSession, Push } from "./protocol.js";
import { Session } from "./session.js";

const options: OpenOptions = { path: "p", storage: "auto", durability: "strict", allowReset: false };

class TestParts implements HostParts {
  readonly testLocks = new TestLocks();
  readonly locks: Locks | undefined = this.testLocks;
  readonly engine = new TestEngine();
  storagesClosed = 0;
  #ids = 0;

  openStorage: HostParts["openStorage"] = async () => {
    return { close: async () => void this.storagesClosed++ } as unknown as Storage;
  };

  readonly destroyed: string[] = [];

  async destroyStorage(path: string): Promise<void> {
    if (!this.testLocks.held.includes(`tidepool:${path}`)) throw new Error("destroyed without the lease");
    this.destroyed.push(path);
  }

  openEngine: HostParts["openEngine"] = async (_storage, _options, tell) => this.engine.open(tell);

  randomId(): string {
    return `${++this.#ids}`;
  }
}

const caller: Caller = { token: null, clientId: "c", requestId: "c-1" };

/** A session with a host of its own, or with this one. */
function connect(parts: HostParts, host = new Host(parts), pushes: Push[] = []): Session {
  return new Session(host, (push) => pushes.push(push));
}

/** The locks held on paths; each engine has one of its own beside them. */
const leases = ({ testLocks }: TestParts): string[] => testLocks.held.filter((name) => !name.startsWith("tidepool-engine:"));

const heartbeat = (session: Session): Promise<unknown> => session.call("heartbeat", undefined, caller);

describe("opening", () => {
  test("takes the lease and opens", async () => {
    const parts = new TestParts();
    const session = connect(parts);
    await session.open(options, VERSION);
    expect(leases(parts)).toEqual(["tidepool:p"]);
    expect(await heartbeat(session)).toBe(1);
    expect(parts.engine.callers).toMatchObject([caller]);
  });

  test("closing gives the lease back, after the engine has closed", async () => {
    const parts = new TestParts();
    const session = connect(parts);
    await session.open(options, VERSION);
    parts.engine.overrides.set("close", () => expect(parts.testLocks.held).toContain("tidepool:p"));
    await session.close();
    await Promise.resolve();
    expect(parts.testLocks.held).not.toContain("tidepool:p");
  });

  test("whoever started the worker leaves it without any lock", async () => {
    const parts = new TestParts();
    const host = new Host(parts);
    const { port1, port2 } = new MessageChannel();
    host.own(port2);
    const owner = wrap<HostSession>(port1);
    expect(await owner.presence()).toBe("tidepool-worker:1");
    await owner.open(options, VERSION);
    expect(parts.testLocks.held).toContain("tidepool:p");
    await owner.close();
    await vi.waitUntil(() => parts.testLocks.held.length === 0);
    port1.close();
  });

  test("whoever waits for the lease makes ready meanwhile, anew when the holder has changed the catalog, and opens with that", async () => {
    const openChannel = (name: string): BroadcastChannel => new BroadcastChannel(name);
    const holding = Object.assign(new TestParts(), { openChannel });
    let changed = (): void => undefined;
    holding.openStorage = async (_, tenure) => {
      changed = () => tenure.changed!();
      return { close: async () => undefined } as unknown as Storage;
    };
    const holder = connect(holding);
    await holder.open(options, VERSION);
    const standby = { refresh: vi.fn(), stop: vi.fn() };
    const more = { openChannel, locks: holding.locks, standBy: () => standby, openEngine: vi.fn(), randomId: () => "other" };
    const parts = Object.assign(new TestParts(), more);
    parts.openEngine.mockImplementation(async (_storage, _options, tell) => parts.engine.open(tell));
    const waiting = connect(parts).open(options, VERSION, { wait: true });
    await holding.testLocks.wanted("tidepool:p");
    changed();
    await vi.waitUntil(() => standby.refresh.mock.calls.length === 1);
    expect(standby.stop).not.toHaveBeenCalled();
    await holder.close();
    await waiting;
    expect(standby.stop).toHaveBeenCalledOnce();
    expect(parts.openEngine.mock.calls[0]!.at(-1)).toBe(standby);
  });

  test("memory needs no lock, and works where there are none", async () => {
    const parts = Object.assign(new TestParts(), { locks: undefined });
    const session = connect(parts);
    await session.open({ ...options, storage: "memory" }, VERSION);
    expect(await session.presence()).toBe(null);
    await expect(connect(parts).open(options, VERSION)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("a lock tells of the worker's life, one for all its sessions, before anything is opened", async () => {
    const parts = new TestParts();
    const host = new Host(parts);
    const sessions = [connect(parts, host), connect(parts, host)];
    expect(await Promise.all(sessions.map((session) => session.presence()))).toEqual(["tidepool-worker:1", "tidepool-worker:1"]);
    expect(parts.testLocks.held).toEqual(["tidepool-worker:1"]);
  });

  test("what fails is undone, so that the next opening can succeed", async () => {
    const parts = new TestParts();
    const { openEngine } = parts;
    parts.openEngine = () => Promise.reject(new TidepoolError("CORRUPTION", "bad block"));
    const session = connect(parts);
    await expect(session.open(options, VERSION)).rejects.toMatchObject({ code: "CORRUPTION" });
    expect(parts.storagesClosed).toBe(1);
    expect(parts.testLocks.held).toEqual([]);
    parts.openEngine = openEngine;
    await session.open(options, VERSION);
    expect(await heartbeat(session)).toBe(1);
  });

  test("an unforeseen error is INTERNAL with its cause", async () => {
    const parts = Object.assign(new TestParts(), { openStorage: () => Promise.reject(new RangeError("odd")) });
    const error: unknown = await connect(parts)
      .open(options, VERSION)
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "INTERNAL", message: "Unexpected RangeError: odd", cause: { name: "RangeError" } });
  });

  test("page and worker of different releases refuse each other", async () => {
    const error: unknown = await connect(new TestParts())
      .open(options, "9.9.9")
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "NOT_SUPPORTED", details: { page: "9.9.9", worker: VERSION } });
  });

  test("calls before opening, and a second opening that asks for something else, are refused", async () => {
    const session = connect(new TestParts());
    await expect(heartbeat(session)).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringMatching(/before it was opened/) });
    await session.open(options, VERSION);
    await session.open({ ...options }, VERSION);
    await expect(session.open({ ...options, durability: "relaxed" }, VERSION)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("errors of the engine leave as TidepoolErrors", async () => {
    const parts = new TestParts();
    const session = connect(parts);
    await session.open(options, VERSION);
    parts.engine.overrides.set("heartbeat", () => {
      throw new TypeError("x is undefined");
    });
    await expect(heartbeat(session)).rejects.toMatchObject({ code: "INTERNAL", message: "Unexpected TypeError: x is undefined" });
  });
});

describe("several sessions of a worker", () => {
  let parts: TestParts;
  let host: Host;
  let pushes: [Push[], Push[]];
  let first: Session;
  let second: Session;

  beforeEach(() => {
    parts = new TestParts();
    host = new Host(parts);
    pushes = [[], []];
    first = connect(parts, host, pushes[0]);
    second = connect(parts, host, pushes[1]);
  });

  const closings = (): number => parts.engine.requests.filter(([method]) => method === "close").length;

  /** Lets the engine's next answers to `method` wait until they are let go. */
  function held(method: string): { asked: Promise<void>; letGo(): void } {
    let letGo!: () => void;
    const going = new Promise<void>((resolve) => (letGo = resolve));
    const asked = new Promise<void>((resolve) =>
      parts.engine.overrides.set(method, async () => {
        resolve();
        await going;
        return "late";
      }),
    );
    return { asked, letGo };
  }

  test("share one engine, whichever of them is first", async () => {
    let opened = 0;
    const { openEngine } = parts;
    parts.openEngine = (...args) => {
      opened++;
      return openEngine(...args);
    };
    await Promise.all([first.open(options, VERSION), second.open({ ...options }, VERSION)]);
    expect(await Promise.all([heartbeat(first), heartbeat(second)])).toEqual([1, 1]);
    expect(opened).toBe(1);
  });

  test("the last to close closes it; until then the others go on", async () => {
    await first.open(options, VERSION);
    await second.open(options, VERSION);
    await first.close();
    expect(closings()).toBe(0);
    await expect(heartbeat(first)).rejects.toMatchObject({ code: "CLOSED" });
    expect(await heartbeat(second)).toBe(1);
    expect(leases(parts)).toEqual(["tidepool:p"]);
    await Promise.all([second.close(), second.close(), first.close()]);
    expect(closings()).toBe(1);
    await expect(heartbeat(second)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(second.open(options, VERSION)).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("closing one waits for its own calls, and not for others'", async () => {
    await first.open(options, VERSION);
    await second.open(options, VERSION);
    const counting = held("count");
    const foreign = second.call("count", { collectionId: "c" }, caller);
    await counting.asked;
    const writing = held("write");
    const own = first.call("write", {}, caller);
    await writing.asked;
    let closed = false;
    const closing = first.close().then(() => (closed = true));
    await expect(heartbeat(first)).rejects.toMatchObject({ code: "CLOSED" });
    expect(closed).toBe(false);
    writing.letGo();
    await closing;
    expect(await own).toBe("late");
    counting.letGo();
    expect(await foreign).toBe("late");
  });

  test("one that comes while the last one leaves finds the database opened anew", async () => {
    await first.open(options, VERSION);
    const closing = held("close");
    const closed = first.close();
    await closing.asked;
    const opening = second.open({ ...options, path: "q" }, VERSION);
    closing.letGo();
    await Promise.all([closed, opening]);
    expect(await heartbeat(second)).toBe(1);
    expect(leases(parts)).toEqual(["tidepool:q"]);
  });

  test("one that was never opened closes nothing", async () => {
    await first.open(options, VERSION);
    await second.close();
    expect(await heartbeat(first)).toBe(1);
    await connect(parts).close();
    expect(closings()).toBe(0);
  });

  test("are refused when they ask for another path, or for the path otherwise", async () => {
    const gateway = { auth: { tokens: { secret: {}, other: { user: "u" } } } };
    await first.open({ ...options, gateway }, VERSION);
    const refusal = async (asked: Partial<OpenOptions>): Promise<Error> =>
      second.open({ ...options, gateway, ...asked }, VERSION).then(
        () => expect.unreachable(),
        (error: Error) => error,
      );
    expect(await refusal({ path: "q" })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/database "p" is open with another path, "p" and not "q"/),
    });
    expect((await refusal({ storage: "memory" })).message).toMatch(/another storage, "auto" and not "memory"/);
    expect((await refusal({ retainVersions: 3 })).message).toMatch(/another retainVersions, undefined and not 3/);
    const { message } = await refusal({ gateway: { auth: { tokens: { secret: {} } } } });
    expect(message).toMatch(/another gateway:/);
    expect(message).not.toContain("secret");
    expect(await heartbeat(first)).toBe(1);
    await second.open({ ...options, gateway: { auth: { tokens: { other: { user: "u" }, secret: {} } } } }, VERSION);
    expect(await heartbeat(second)).toBe(1);
  });

  test("all hear of a warning while they are open", async () => {
    await first.open(options, VERSION);
    const warning = { code: "GRAPH_FAILED", message: "m" } as const;
    parts.engine.tell("warning", warning);
    await second.open(options, VERSION);
    parts.engine.tell("warning", warning);
    await first.close();
    parts.engine.tell("warning", warning);
    const push: Push = { type: "warning", event: warning };
    expect(pushes).toEqual([
      [push, push],
      [push, push],
    ]);
  });
});

describe("a holder that does not answer", () => {
  async function takenOver(): Promise<{ parts: TestParts; first: Session; second: Session; pushes: Push[] }> {
    const parts = new TestParts();
    const pushes: Push[] = [];
    const first = connect(parts, new Host(parts), pushes);
    await first.open(options, VERSION);
    const second = connect(parts);
    await second.open(options, VERSION, { takeOver: true });
    return { parts, first, second, pushes };
  }

  test("loses the lease to who takes it over, ends, and says so to its sessions", async () => {
    const { parts, first, second, pushes } = await takenOver();
    expect(await heartbeat(second)).toBe(1);
    await expect(heartbeat(first)).rejects.toMatchObject({ code: "LEASE_LOST", details: { path: "p" } });
    expect(pushes).toEqual([{ type: "ended", event: { code: "LEASE_LOST", message: expect.stringContaining("has taken over") } }]);
    expect(parts.engine.requests.filter(([method]) => method === "close")).toHaveLength(1);
    await first.close();
    expect(parts.testLocks.held).toContain("tidepool:p");
    expect(await heartbeat(second)).toBe(1);
  });

  test("counts as a predecessor until it has closed everything", async () => {
    const parts = new TestParts();
    await connect(parts).open(options, VERSION);
    const { held, open: letClose } = gate();
    parts.engine.overrides.set("close", () => held);
    const tenures: Tenure[] = [];
    parts.openStorage = async (_options: OpenOptions, tenure: Tenure) => {
      tenures.push(tenure);
      return {} as Storage;
    };
    await connect(parts).open(options, VERSION, { takeOver: true });
    const predecessors = await tenures[0]!.predecessors();
    letClose();
    await predecessors!.gone;
    expect(await tenures[0]!.predecessors()).toBeNull();
  });

  test("ends too when its storage is lost, and can be opened anew", async () => {
    const parts = new TestParts();
    let lose = (_error: TidepoolError): void => undefined;
    parts.openStorage = async (_options: OpenOptions, tenure: Tenure) => {
      lose = tenure.lost;
      return {} as Storage;
    };
    const host = new Host(parts);
    const first = connect(parts, host);
    await first.open(options, VERSION);
    lose(new TidepoolError("CLOSED", "gone"));
    await Promise.resolve();
    await expect(heartbeat(first)).rejects.toMatchObject({ code: "CLOSED", message: "gone" });
    const second = connect(parts, host);
    await second.open(options, VERSION);
    expect(await heartbeat(second)).toBe(1);
  });
});

describe("where site data is blocked", () => {
  const denied = { request: () => Promise.reject(new DOMException("denied", "SecurityError")), query: () => expect.unreachable() };

  test("memory works, and what is stored is NOT_SUPPORTED", async () => {
    const parts = Object.assign(new TestParts(), { locks: denied as unknown as Locks });
    const session = connect(parts);
    expect(await session.presence()).toBeNull();
    await session.open({ ...options, storage: "memory" }, VERSION);
    expect(await heartbeat(session)).toBe(1);
    const message = expect.stringContaining("site data may be blocked");
    await expect(connect(parts).open(options, VERSION)).rejects.toMatchObject({ code: "NOT_SUPPORTED", message });
    await expect(connect(parts).destroy("p", VERSION)).rejects.toMatchObject({ code: "NOT_SUPPORTED", message });
  });
});

describe("an engine that fails", () => {
  /** Opens, and returns what lets the engine fail. */
  async function opened(parts: TestParts, host: Host, pushes: Push[] = []): Promise<[Session, (error: TidepoolError) => void]> {
    let fail = (_error: TidepoolError): void => expect.unreachable();
    parts.openEngine = async (_storage, _options, tell, failed) => {
      fail = failed;
      return parts.engine.open(tell);
    };
    const session = connect(parts, host, pushes);
    await session.open(options, VERSION);
    return [session, fail];
  }

  test("is closed, and the next opening gets a new one", async () => {
    const parts = new TestParts();
    const host = new Host(parts);
    const pushes: Push[] = [];
    const [session, fail] = await opened(parts, host, pushes);
    fail(new TidepoolError("POISONED", "a flush failed"));
    await expect.poll(() => pushes).toEqual([{ type: "ended", event: { code: "POISONED", message: "a flush failed" } }]);
    await expect(heartbeat(session)).rejects.toMatchObject({ code: "POISONED" });
    const [next] = await opened(parts, host);
    expect(await heartbeat(next)).toBe(1);
    expect(parts.engine.requests.filter(([method]) => method === "close")).toHaveLength(1);
  });

  test("says aloud that stored data is gone", async () => {
    const parts = new TestParts();
    const pushes: Push[] = [];
    const [, fail] = await opened(parts, new Host(parts), pushes);
    fail(new TidepoolError("DATA_EVICTED", "cleared"));
    await expect.poll(() => pushes).toMatchObject([{ type: "warning", event: { code: "DATA_EVICTED" } }, { type: "ended" }]);
  });

  test("is asked about where the worker may not have run for a while, before any answer", async () => {
    const parts = new TestParts();
    const confirm = vi.fn(async () => undefined);
    parts.openStorage = async () => ({ confirm, close: async () => undefined }) as unknown as Storage;
    const session = connect(parts);
    await session.open(options, VERSION);
    await heartbeat(session);
    expect(confirm).not.toHaveBeenCalled();
    const thawed = performance.now() + limits.heartbeatMs;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => thawed);
    confirm.mockRejectedValueOnce(new TidepoolError("LEASE_LOST", "another has it"));
    const asked = parts.engine.requests.length;
    const calls = [heartbeat(session), heartbeat(session)];
    await expect(calls[0]).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await calls[1]).toBe(1);
    expect(parts.engine.requests.length).toBe(asked + 1);
    expect(confirm).toHaveBeenCalledTimes(2);
    await heartbeat(session);
    expect(confirm).toHaveBeenCalledTimes(2);
    clock.mockRestore();
  });

  test("is not all that may have gone: who had the database open before is told when there is none any more", async () => {
    const parts = new TestParts();
    parts.openStorage = async (_options: OpenOptions, tenure: Tenure) => {
      tenure.created!();
      return {} as Storage;
    };
    const pushes: [Push[], Push[]] = [[], []];
    await connect(parts, new Host(parts), pushes[0]).open(options, VERSION);
    expect(pushes[0]).toEqual([]);
    await connect(parts, new Host(parts), pushes[1]).open(options, VERSION, { again: true, takeOver: true });
    expect(pushes[1]).toMatchObject([{ type: "warning", event: { code: "DATA_EVICTED" } }]);
  });

  test("holds up nobody when it does not close in time; whoever comes next knows that it may be there still", async () => {
    const parts = new TestParts();
    const [session] = await opened(parts, new Host(parts));
    parts.engine.overrides.set("close", () => new Promise(() => undefined));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const closing = session.close().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(limits.closeWaitMs);
    expect(await closing).toMatchObject({ code: "CONNECTION_LOST" });
    vi.useRealTimers();
    const lease = await acquireLease(parts.locks, "p", { id: "next" });
    expect(await lease.predecessors()).not.toBeNull();
  });
});

describe("the lease", () => {
  test("is LOCKED while another holds it, and says for how long it waited", async () => {
    const locks = new TestLocks();
    await acquireLease(locks, "p", { id: "1" });
    const error: unknown = await acquireLease(locks, "p", { id: "2", waitMs: 1 }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "LOCKED", details: { path: "p", waitMs: 1 } });
    expect((error as Error).message).toContain('database "p"');
  });

  test("goes to the one who waits when it is released", async () => {
    const locks = new TestLocks();
    const first = await acquireLease(locks, "p", { id: "1" });
    const second = acquireLease(locks, "p", { id: "2", waitMs: 60_000 });
    first.release();
    (await second).release();
  });

  test("that was stolen while the worker was frozen in which it was granted is lost before anything is opened", async () => {
    const locks = new TestLocks();
    const request = (async (name: string, ...rest: [never]) => {
      if (name.startsWith("tidepool-engine:")) await acquireLease(locks, "p", { id: "thief", takeOver: true });
      return locks.request(name, ...rest);
    }) as Locks["request"];
    const thawed = acquireLease({ request, query: locks.query }, "p", { id: "frozen" });
    await expect(thawed).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(locks.held).toEqual(["tidepool:p", "tidepool-engine:p:thief"]);
  });

  test("of one path does not hinder another", async () => {
    const locks = new TestLocks();
    await acquireLease(locks, "p", { id: "1" });
    await acquireLease(locks, "q", { id: "2", waitMs: 1 });
  });
});

describe("destroying", () => {
  test("takes the lease for as long as it lasts, also when it fails", async () => {
    const parts = new TestParts();
    await connect(parts).destroy("p", VERSION);
    expect([parts.destroyed, parts.testLocks.held]).toEqual([["p"], []]);
    parts.destroyStorage = () => Promise.reject(new RangeError("odd"));
    await expect(connect(parts).destroy("p", VERSION)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(parts.testLocks.held).toEqual([]);
  });

  test("is refused to a page of another release", async () => {
    const parts = new TestParts();
    await expect(connect(parts).destroy("p", "0.0.0")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    expect(parts.destroyed).toEqual([]);
  });
});
