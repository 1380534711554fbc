/**
 * What a worker does for those who speak to it. Each has a session of its own; all share one engine. The first session that
 * opens brings it up: lease, storage, kernel, engine, in this order, and all of it undone when a later step fails, so that
 * the page can simply try again. When the last session has closed, the engine is closed and the lease given back. When the lease or
 * the storage is lost, or a flush has failed, the engine ends at once, all sessions are told, and what it held is given back as far
 * as it goes. Parts come in from `start-worker.ts`; tests bring their own.
 */
import { type Endpoint, expose } from "comlink";
import { Serial } from "../core/base/serial.js";
import type { TidepoolError } from "../core/errors.js";
import type { Tell } from "../core/events.js";
import { limits } from "../core/limits.js";
import type { EngineService, OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { bounded } from "../storage/bounded.js";
import { wrongKey } from "../storage/encrypted/encryption-row.js";
import { leaseLost } from "../storage/storage-error.js";
import type { Tenure } from "../storage/tenure.js";
import { serveCalls } from "./engine-calls.js";
import { acquireLease, holdUntilDeath, type Lease, type Locks } from "./lease.js";
import { type OpenHow, type Push, sendErrors, yieldToEventLoop } from "./protocol.js";
import { type OpenChannel, Reception } from "./reception.js";
import { refuseForeign } from "./refuse-foreign.js";
import { asWord, guestLockOf, rendezvousOf } from "./rendezvous.js";
import { closed, refuseContradiction, Session, type SessionHost } from "./session.js";

/** An engine that is open: what it answers, and its end. */
export interface OpenEngine {
  readonly service: EngineService;
  close(): Promise<void>;
}

/** What makes an engine ready to open while another has the lease. */
export interface StandingBy {
  /** The catalog may have changed. */
  refresh(): void;
  /** The lease is there, or nobody waits for it any more. */
  stop(): void;
}

/** What a host is made of. */
export interface HostParts {
  locks: Locks | undefined;
  /** Takes the right to a path where it is no Web Lock. */
  lease?(): Promise<Lease>;
  openStorage(options: OpenOptions, tenure: Tenure): Promise<Storage>;
  destroyStorage(path: string): Promise<void>;
  /** `fail` is told when the engine can only be closed, and opened anew. */
  openEngine(
    storage: Storage,
    options: OpenOptions,
    tell: Tell,
    fail: (error: TidepoolError) => void,
    standby: StandingBy | null,
  ): Promise<OpenEngine>;
  /** Begins to make ready for this database; what it returns goes to `openEngine`. `null` where nothing can be. */
  standBy?(options: OpenOptions): StandingBy | null;
  randomId(): string;
  /** Opens a channel to other contexts; without it nobody but those who have a port reaches the engine. */
  openChannel?: OpenChannel;
}

/** The engine that the sessions share. */
interface Opened {
  options: OpenOptions;
  confirm: Storage["confirm"];
  checkKey: Storage["checkKey"];
  /** Where the bytes are. */
  storage: Storage["kind"];
  engine: OpenEngine;
  lease: Lease | null;
  reception: Reception | null;
}

/** What each guest may choose for itself: the rest is one for all. */
const FREE_TO_GUESTS = ["storage", "allowReset", "memoryBudgetBytes", "encryption", "cores"] as const;

export class Host implements SessionHost {
  readonly #parts: HostParts;
  /** Those that have the engine open, or are opening it. */
  readonly #sessions = new Set<Session>();
  /** The session of whoever started this worker. Its end is the engine's, whoever else is here. */
  #owner: Session | null = null;
  /** Of each session of a guest that a relay leads to: closes the relay. */
  readonly #ends = new Map<Session, () => void>();
  /** Opening and closing run one after the other, so that whoever comes while the last one leaves opens anew. */
  readonly #changes = new Serial();
  #opened: Opened | null = null;
  /** When it was last known to run, and to have the lease. */
  #ranAt = 0;
  #presence: Promise<string | null> | null = null;
  /** Gives the lock back that tells of this worker's life. */
  #depart: () => void = () => undefined;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Begins a session with whoever is at the other end of `port`. */
  connect(port: Endpoint): Session {
    sendErrors();
    const session = new Session(this, (push) => port.postMessage(push));
    serveCalls(session, port);
    refuseForeign(port);
    expose(session, port);
    return session;
  }

  /** Begins a session with whoever started the worker, who may bring the ports of guests. */
  own(port: Endpoint): void {
    this.#owner = this.connect(port);
    port.addEventListener("message", (event) => {
      const { data, ports } = event as MessageEvent<{ type?: unknown } | null>;
      if (data?.type === "guest" && ports[0] !== undefined) this.connect(ports[0]);
    });
  }

  presence(): Promise<string | null> {
    return (this.#presence ??= this.#announce());
  }

  async #announce(): Promise<string | null> {
    if (this.#parts.locks === undefined) return null;
    const name = `tidepool-worker:${this.#parts.randomId()}`;
    const depart = await holdUntilDeath(this.#parts.locks, name);
    if (depart === null) return null;
    this.#depart = depart;
    return name;
  }

  join(session: Session, options: OpenOptions, how: OpenHow): Promise<EngineService> {
    if (how.guest !== undefined) return this.#joinAsGuest(session, options, how.guest);
    return this.#changes.run(async () => {
      if (this.#opened !== null) {
        await this.checkKey(options);
        refuseContradiction(this.#opened.options, options, ["encryption"]);
      }
      this.#sessions.add(session);
      try {
        this.#opened ??= await this.#open(options, how);
        return this.#opened.engine.service;
      } catch (error) {
        this.#sessions.delete(session);
        throw error;
      }
    });
  }

  /**
   * A worker that is frozen, or hangs, is taken over from after `heartbeatMs` of silence, and what was sent to it meanwhile is
   * still there when it goes on: such a call must not be answered from what was true then.
   */
  confirm(): Promise<void> | void {
    const now = performance.now();
    if (now - this.#ranAt <= limits.heartbeatMs / 2) {
      this.#ranAt = now;
      return;
    }
    return this.#confirmWithStorage(now);
  }

  async checkKey({ path, encryption }: OpenOptions): Promise<void> {
    if (this.#opened?.checkKey !== undefined) await this.#opened.checkKey(encryption?.key);
    else if (this.#opened !== null && encryption !== undefined) throw wrongKey(path, "unencrypted");
  }

  async #confirmWithStorage(now: number): Promise<void> {
    await this.#opened?.confirm?.();
    this.#ranAt = now;
  }

  /** A guest opens nothing: where the engine is closing it is told so, and looks for the next holder. */
  async #joinAsGuest(session: Session, options: OpenOptions, guest: string): Promise<EngineService> {
    const opened = this.#opened;
    if (opened === null) throw closed();
    await this.checkKey(options);
    if (this.#opened !== opened) throw closed();
    refuseContradiction(opened.options, options, FREE_TO_GUESTS);
    if (options.storage !== "auto" && opened.storage !== "published") refuseContradiction({ ...options, storage: opened.storage }, options);
    this.#sessions.add(session);
    const end = this.#ends.get(session);
    const left = new AbortController();
    this.#ends.set(session, () => {
      left.abort();
      end?.();
    });
    this.#parts.locks!.request(guestLockOf(guest), { signal: left.signal }, () => void session.close()).catch(() => undefined);
    return opened.engine.service;
  }

  leave(session: Session): Promise<boolean> {
    return this.#changes.run(async () => {
      this.#sessions.delete(session);
      if (this.#sessions.size > 0 && session !== this.#owner) return true;
      const opened = this.#opened;
      this.#opened = null;
      if (opened !== null) await close(opened);
      // The page ends the worker now. Firefox keeps no page in its back/forward cache whose worker was ended with a lock in hand.
      if (session === this.#owner) this.#depart();
      return false;
    });
  }

  left(session: Session): void {
    const end = this.#ends.get(session);
    this.#ends.delete(session);
    // What its guest waits for is sent before the way to it is closed.
    if (end !== undefined) void yieldToEventLoop().then(end);
  }

  async destroy(path: string): Promise<void> {
    const lease = await this.#acquire(path);
    try {
      await this.#parts.destroyStorage(path);
    } finally {
      lease.release();
    }
  }

  #acquire(path: string, { takeOver, wait }: OpenHow = {}): Promise<Lease> {
    if (this.#parts.lease !== undefined) return this.#parts.lease();
    const waitMs = wait ? Number.POSITIVE_INFINITY : undefined;
    return acquireLease(this.#parts.locks, path, { id: this.#parts.randomId(), takeOver, waitMs });
  }

  /** Whoever waits for the lease makes use of the time. */
  async #waitForLease(options: OpenOptions, how: OpenHow): Promise<{ lease: Lease | null; standby: StandingBy | null }> {
    if (options.storage === "memory") return { lease: null, standby: null };
    const standby = (how.wait && this.#parts.standBy?.(options)) || null;
    const channel = standby === null ? undefined : this.#parts.openChannel?.(rendezvousOf(options.path));
    channel?.addEventListener("message", ({ data }) => asWord(data)?.type === "changed" && standby!.refresh());
    try {
      return { lease: await this.#acquire(options.path, how), standby };
    } finally {
      channel?.close();
      standby?.stop();
    }
  }

  async #open(options: OpenOptions, how: OpenHow): Promise<Opened> {
    const { lease, standby } = await this.#waitForLease(options, how);
    const reception = lease === null ? null : await this.#openReception(options.path);
    let fail = (_error: TidepoolError): void => undefined;
    const failed = new Promise<TidepoolError>((resolve) => (fail = resolve));
    void lease?.lost.then(() => fail(leaseLost(options.path)));
    // What is in memory only would be lost by opening it anew.
    const lost = lease === null && options.source === undefined ? () => undefined : fail;
    const tenure: Tenure = {
      predecessors: async () => lease?.predecessors() ?? null,
      lost,
      changed: () => reception?.changed(),
      warn: (event) => this.#push({ type: "warning", event }),
      created: () => this.#created(options, how),
    };
    try {
      const opened: Opened = { options, ...(await this.#openEngine(options, tenure, standby)), lease, reception };
      void failed.then((error) => this.#end(opened, error));
      reception?.serve();
      return opened;
    } catch (error) {
      reception?.close();
      lease?.release();
      throw error;
    }
  }

  async #openEngine(
    options: OpenOptions,
    tenure: Tenure,
    standby: StandingBy | null,
  ): Promise<Pick<Opened, "engine" | "storage" | "confirm" | "checkKey">> {
    const storage = await this.#parts.openStorage(options, tenure);
    try {
      const tell: Tell = (type, event) => this.#push({ type, event } as Push);
      // Whether a session may reset is for the session to say.
      const opened = { ...options, allowReset: true };
      const confirm = storage.confirm?.bind(storage);
      this.#ranAt = performance.now();
      const checkKey = storage.checkKey?.bind(storage);
      return {
        storage: storage.kind,
        confirm,
        checkKey,
        engine: await this.#parts.openEngine(storage, opened, tell, tenure.lost, standby),
      };
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  #created({ path }: OpenOptions, { again = false }: OpenHow): void {
    if (!again) return;
    const message =
      `The database "${path}" begins empty although it was open before: the browser has cleared the site data, or the database was ` +
      "destroyed elsewhere";
    this.#push({ type: "warning", event: { code: "DATA_EVICTED", message } });
  }

  /** Nobody asks the engine any more from now on; who comes meanwhile waits until it has let go of everything. */
  #end(opened: Opened, error: TidepoolError): void {
    if (this.#opened !== opened) return;
    this.#opened = null;
    opened.reception?.close();
    if (error.code === "DATA_EVICTED") this.#push({ type: "warning", event: { code: "DATA_EVICTED", message: error.message } });
    for (const session of this.#sessions) session.end(error);
    this.#sessions.clear();
    void this.#changes.run(() => close(opened)).catch(() => undefined);
  }

  async #openReception(path: string): Promise<Reception | null> {
    const { openChannel: open } = this.#parts;
    const host = open === undefined ? null : await this.presence();
    if (open === undefined || host === null) return null;
    return new Reception({
      open,
      path,
      host,
      receive: (port, ended) => this.#ends.set(this.connect(port), ended),
      wanted: () => this.#owner?.push({ type: "guests", event: null }),
    });
  }

  #push(push: Push): void {
    for (const session of this.#sessions) session.push(push);
  }
}

/** The lease goes back after the engine has let go of everything, or has not come to an end in time. */
async function close({ engine, lease, reception }: Opened): Promise<void> {
  reception?.close();
  const closing = engine.close();
  void closing.catch(() => undefined).then(() => lease?.release());
  try {
    await bounded(closing, "close the database", limits.closeWaitMs);
  } finally {
    lease?.resign();
  }
}
