/**
 * What a worker does for those who speak to it. Each has a session of its own; all share one engine. The first session that
 * opens brings it up: lease, storage, kernel, engine, in this order, and all of it undone when a later step fails, so that
 * the page can simply try again. When the last session has closed, the engine is closed and the lease given back. When the lease is
 * lost, or the storage, the engine ends at once, all sessions are told, and what it held is given back as far as it goes. Parts come
 * in from `start-worker.ts`; tests bring their own.
 */
import { type Endpoint, expose } from "comlink";
import { Serial } from "../core/base/serial.js";
import { invalidArgument, show, type TidepoolError } from "../core/errors.js";
import type { Tell } from "../core/events.js";
import type { EngineService, OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { leaseLost } from "../storage/storage-error.js";
import type { Tenure } from "../storage/tenure.js";
import { acquireLease, holdUntilDeath, type Lease, type Locks } from "./lease.js";
import { type Push, sendErrors } from "./protocol.js";
import { Session, type SessionHost } from "./session.js";

/** An engine that is open: what it answers, and its end. */
export interface OpenEngine {
  readonly service: EngineService;
  close(): Promise<void>;
}

/** What a host is made of. */
export interface HostParts {
  locks: Locks | undefined;
  openStorage(options: OpenOptions, tenure: Tenure): Promise<Storage>;
  destroyStorage(path: string): Promise<void>;
  openEngine(storage: Storage, options: OpenOptions, tell: Tell): Promise<OpenEngine>;
  randomId(): string;
}

/** The engine that the sessions share. */
interface Opened {
  options: OpenOptions;
  engine: OpenEngine;
  lease: Lease | null;
}

export class Host implements SessionHost {
  readonly #parts: HostParts;
  /** Those that have the engine open, or are opening it. */
  readonly #sessions = new Set<Session>();
  /** Opening and closing run one after the other, so that whoever comes while the last one leaves opens anew. */
  readonly #changes = new Serial();
  #opened: Opened | null = null;
  #presence: Promise<string | null> | null = null;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** Begins a session with whoever is at the other end of `port`. */
  connect(port: Endpoint): void {
    sendErrors();
    expose(new Session(this, (push) => port.postMessage(push)), port);
  }

  presence(): Promise<string | null> {
    return (this.#presence ??= announcePresence(this.#parts));
  }

  join(session: Session, options: OpenOptions, takeOver: boolean): Promise<EngineService> {
    return this.#changes.run(async () => {
      if (this.#opened !== null) refuseContradiction(this.#opened.options, options);
      this.#sessions.add(session);
      try {
        this.#opened ??= await this.#open(options, takeOver);
        return this.#opened.engine.service;
      } catch (error) {
        this.#sessions.delete(session);
        throw error;
      }
    });
  }

  leave(session: Session): Promise<boolean> {
    return this.#changes.run(async () => {
      this.#sessions.delete(session);
      if (this.#sessions.size > 0) return true;
      const opened = this.#opened;
      this.#opened = null;
      if (opened !== null) await close(opened);
      return false;
    });
  }

  async destroy(path: string): Promise<void> {
    const lease = await this.#acquire(path, false);
    try {
      await this.#parts.destroyStorage(path);
    } finally {
      lease.release();
    }
  }

  #acquire(path: string, takeOver: boolean): Promise<Lease> {
    return acquireLease(this.#parts.locks, path, { id: this.#parts.randomId(), takeOver });
  }

  async #open(options: OpenOptions, takeOver: boolean): Promise<Opened> {
    const lease = options.storage === "memory" ? null : await this.#acquire(options.path, takeOver);
    let fail = (_error: TidepoolError): void => undefined;
    const failed = new Promise<TidepoolError>((resolve) => (fail = resolve));
    void lease?.lost.then(() => fail(leaseLost(options.path)));
    const tenure: Tenure = { predecessors: async () => lease?.predecessors() ?? null, lost: fail };
    try {
      const opened = { options, engine: await this.#openEngine(options, tenure), lease };
      void failed.then((error) => this.#end(opened, error));
      return opened;
    } catch (error) {
      lease?.release();
      throw error;
    }
  }

  async #openEngine(options: OpenOptions, tenure: Tenure): Promise<OpenEngine> {
    const storage = await this.#parts.openStorage(options, tenure);
    try {
      const tell: Tell = (type, event) => this.#push({ type, event } as Push);
      return await this.#parts.openEngine(storage, options, tell);
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /** Nobody asks the engine any more from now on; who comes meanwhile waits until it has let go of everything. */
  #end(opened: Opened, error: TidepoolError): void {
    if (this.#opened !== opened) return;
    this.#opened = null;
    for (const session of this.#sessions) session.end(error);
    this.#sessions.clear();
    void this.#changes.run(() => close(opened)).catch(() => undefined);
  }

  #push(push: Push): void {
    for (const session of this.#sessions) session.push(push);
  }
}

/** The lease goes back after the engine has let go of everything. */
async function close({ engine, lease }: Opened): Promise<void> {
  try {
    await engine.close();
  } finally {
    lease?.release();
  }
}

async function announcePresence(parts: HostParts): Promise<string | null> {
  if (parts.locks === undefined) return null;
  const name = `tidepool-worker:${parts.randomId()}`;
  await holdUntilDeath(parts.locks, name);
  return name;
}

/** One engine is opened in one way. Gateway rules are not shown: tokens are in them. */
function refuseContradiction(open: OpenOptions, asked: OpenOptions): void {
  for (const option of Object.keys({ ...open, ...asked }) as (keyof OpenOptions)[]) {
    if (canonical(open[option]) === canonical(asked[option])) continue;
    const values = option === "gateway" ? "" : `, ${show(open[option])} and not ${show(asked[option])}`;
    throw invalidArgument(
      `This worker has the database "${open.path}" open with another ${option}${values}: ` +
        "ask for the same, or close its other sessions first",
    );
  }
}

/** Equal for equal values, in whatever order their keys are. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part,
  );
}
