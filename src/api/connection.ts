/**
 * A client's connection to its database: it says with each request who calls, and tells the client's listeners of events. The way
 * to the engine is a `Link`, which it shares with the other clients of its path; it begins to use it with the first call.
 */
import { TidepoolError } from "../core/errors.js";
import type { Progress } from "../core/events.js";
import type { Caller } from "../core/gateway/caller.js";
import type { EngineMethods, MethodWithoutRequest, OpenOptions, PreflightChecks, RequestOf, ResponseOf, Scope } from "../core/service.js";
import type { Push } from "../worker/protocol.js";
import { orAborted } from "./call-limits.js";
import type { ClientEvents, Role } from "./client-events.js";
import { Link, type LinkMember, randomId, type WayToEngine } from "./link.js";
import { part } from "./part.js";
import type { RemoteOptions } from "./remote/remote-options.js";
import type { Channel } from "./transport.js";

/** What a call may say of itself. */
export interface CallOptions {
  /** Shown instead of the connection's own. */
  token?: string | null;
  /** That of an earlier call, of which this is another try. */
  requestId?: string;
  /** Ends the call at once when it fires; the engine is told. */
  signal?: AbortSignal | undefined;
  /** Told from time to time how far the call is, where the engine says so. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** A client's subscriptions, as its connection sees them. */
export interface Subscriptions {
  /** The results that the engine watches under these names may have changed. */
  onTouched(watches: readonly string[]): void;
  /** Whoever watched them has gone. */
  onLost(): void;
  /** The client closes. */
  end(): void;
}

/** An engine has no limits to ask for. */
type Asked = keyof EngineMethods | "preFlightChecks";

/** Hears of a call as it begins, and of its end by the answer. Must not throw. */
export type CallObserver = (method: Asked, request: object | undefined, answer: Promise<unknown>) => void;

type Listener<T extends keyof ClientEvents> = (event: ClientEvents[T]) => void;

export class Connection implements LinkMember {
  readonly #options: OpenOptions;
  readonly #connect: () => Channel;
  readonly #token: string | null;
  readonly #offscreen: string | undefined;
  /** The server that is asked instead of an engine in this browser. */
  readonly remote: RemoteOptions | undefined;
  /** Where collections are of which the page made a handle by their id alone: paths of a server name it. */
  readonly homes = new Map<string, Scope>();
  /** As of the latest answer; `null` before the first. */
  role: Role | null = null;
  /** Since there was the first of them. */
  subscriptions: Subscriptions | null = null;
  readonly #listeners: { [T in keyof ClientEvents]?: Set<Listener<T>> } = {};
  /** Made with the first call, since a client may be constructed where there is nothing to make it of. */
  #clientId = "";
  #calls = 0;
  #link: Promise<WayToEngine> | null = null;
  /** The link, from before it is open. */
  joined: WayToEngine | null = null;
  /** Of each call under way. */
  readonly #rejects = new Set<(error: TidepoolError) => void>();
  readonly #underWay = new Set<Promise<unknown>>();
  /** Told of each call as it begins. */
  readonly observers = new Set<CallObserver>();
  /** Who is told how far a call is, by its id. */
  readonly #progress = new Map<string, (progress: Progress) => void>();
  #closing: Promise<void> | null = null;

  /**
   * `connect` starts a worker, or brings a port to one; it is called again when that has ended. `token` is shown with every
   * call, for the gateway rules.
   */
  constructor(options: OpenOptions, connect: () => Channel, token: string | null = null, offscreen?: string, remote?: RemoteOptions) {
    this.#options = options;
    this.remote = remote;
    this.#offscreen = offscreen;
    this.#connect = connect;
    this.#token = token;
  }

  /** Tells the listener of events from now on, until the function that is returned is called. */
  on<T extends keyof ClientEvents>(type: T, listener: Listener<T>): () => void {
    if (this.remote && type !== "warning") {
      throw new TidepoolError("NOT_SUPPORTED", `No server tells of ${type}`, { details: { call: "on" } });
    }
    // A listener that is given twice hears twice, and each is taken off by itself.
    const own: Listener<T> = (event) => listener(event);
    const listeners = ((this.#listeners[type] as Set<Listener<T>> | undefined) ??= new Set());
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** Asks a server what it takes. */
  call(method: "preFlightChecks"): Promise<PreflightChecks>;
  /** Opens if need be, then calls the engine. */
  call<M extends MethodWithoutRequest>(method: M): Promise<ResponseOf<M>>;
  call<M extends keyof EngineMethods>(method: M, request: RequestOf<M>, options?: CallOptions): Promise<ResponseOf<M>>;
  call(method: Asked, request?: object, options?: CallOptions): Promise<unknown> {
    const caller = this.#caller(options);
    const answer = this.#unlessForced(this.#call(method, request, caller));
    this.#underWay.add(answer);
    for (const observe of this.observers) observe(method, request, answer);
    if (options?.onProgress !== undefined) this.#progress.set(caller.requestId, options.onProgress);
    const end = (): void => {
      this.#underWay.delete(answer);
      this.#progress.delete(caller.requestId);
    };
    void answer.catch(() => undefined).finally(end);
    return this.#cancellable(answer, caller, options?.signal);
  }

  #unlessForced(call: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#rejects.add(reject);
      void call.then(resolve, reject).finally(() => this.#rejects.delete(reject));
    });
  }

  #cancellable(answer: Promise<unknown>, { requestId }: Caller, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal === undefined) return answer;
    const cancel = (): void => this.joined?.cancel(requestId);
    signal.addEventListener("abort", cancel, { once: true });
    void answer.catch(() => undefined).finally(() => signal.removeEventListener("abort", cancel));
    return orAborted(answer, signal);
  }

  async #call(method: Asked, request: object | undefined, caller: Caller): Promise<unknown> {
    if (this.#closing !== null) throw closed(this.#options.path);
    const link = await (this.#link ??= this.#join());
    return link.call((transport) => transport.call(method as keyof EngineMethods, request, caller));
  }

  async #join(): Promise<WayToEngine> {
    try {
      const link = this.remote
        ? new (await part(import("./remote/remote-link.js"))).RemoteLink(this.remote, this.homes)
        : Link.to(this.#options, this.#connect, this.#offscreen);
      this.joined = link;
      await link.join(this, this.#options);
      return link;
    } catch (error) {
      this.#link = null;
      throw error;
    }
  }

  #caller({ token = this.#token, requestId }: CallOptions = {}): Caller {
    const clientId = (this.#clientId ||= randomId());
    return { token, clientId, requestId: requestId ?? `${clientId}-${++this.#calls}` };
  }

  /** Lets calls under way finish, and closes the engine where it runs for this client alone. Later calls reject with `CLOSED`. */
  close(): Promise<void> {
    this.subscriptions?.end();
    return (this.#closing ??= this.#shutDown());
  }

  /** Waits for nothing: calls under way reject with `CLOSED`, and the worker ends where it runs for this client alone. */
  async forceClose(): Promise<void> {
    const reason = closed(this.#options.path);
    this.subscriptions?.end();
    this.#closing = Promise.resolve();
    for (const reject of this.#rejects) reject(reason);
    this.joined?.abandon(this, reason);
  }

  async #shutDown(): Promise<void> {
    const link = await this.#link?.catch(() => null); // The caller of the opening has been told; there is nothing to close.
    if (link == null) return;
    await link.leave(this, closed(this.#options.path));
    await Promise.allSettled(this.#underWay);
  }

  onPush({ type, event }: Push): void {
    if (type === "guests" || type === "ended") return; // The link's own affair.
    if (type === "live") return event.clientId === this.#clientId ? this.subscriptions?.onTouched(event.watches) : undefined;
    if (type === "progress") return this.#progress.get(event.requestId)?.(event);
    if (type !== "change") return this.#tell(type, event);
    const { requestId, ...change } = event;
    this.#tell(type, { ...change, own: requestId?.startsWith(`${this.#clientId}-`) ?? false });
  }

  onLost(): void {
    this.subscriptions?.onLost();
  }

  onRole(role: Role): void {
    this.role = role;
    this.#tell("lease", { role });
  }

  /** Tells of what went wrong where no call can. */
  warn(warning: ClientEvents["warning"]): void {
    this.#tell("warning", warning);
  }

  /** A warning that nobody listens for should not pass unseen. */
  #tell<T extends keyof ClientEvents>(type: T, event: ClientEvents[T]): void {
    const listeners = [...((this.#listeners[type] as Set<Listener<T>> | undefined) ?? [])];
    if (type === "warning" && listeners.length === 0) console.warn((event as ClientEvents["warning"]).message);
    for (const listener of listeners) listener(event);
  }
}

function closed(path: string): TidepoolError {
  return new TidepoolError("CLOSED", `The client of database "${path}" is closed; create a new TidepoolClient`);
}
