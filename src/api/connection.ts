/**
 * A client's connection to its database. It opens with the first call, shares one opening among concurrent calls, and opens
 * again with the next call when opening has failed or the worker has died. It says with each request who calls.
 *
 * When the page enters the back/forward cache the session is ended, since a worker would keep the database locked there.
 */
import { transfer } from "comlink";
import { TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import type { EngineMethods, MethodWithoutRequest, OpenOptions, RequestOf, ResponseOf } from "../core/service.js";
import { VERSION } from "../version.js";
import type { Push } from "../worker/protocol.js";
import type { ClientEvents } from "./client-events.js";
import { type Channel, lost, Transport } from "./transport.js";

/** What a call may say of itself. */
export interface CallOptions {
  /** Shown instead of the connection's own. */
  token?: string | null;
  /** That of an earlier call, of which this is another try. */
  requestId?: string;
  /** Buffers that the request holds, handed over to the worker instead of copied. */
  buffers?: ArrayBuffer[];
}

type Listener<T extends keyof ClientEvents> = (event: ClientEvents[T]) => void;

/** What is held while there is a way to the host. */
interface Session {
  transport: Transport;
  /** Resolves once the database is open. */
  opened: Promise<void>;
}

export class Connection {
  readonly #options: OpenOptions;
  readonly #connect: () => Channel;
  readonly #token: string | null;
  readonly #listeners: { [T in keyof ClientEvents]?: Set<Listener<T>> } = {};
  /** Made with the first call, since a client may be constructed where there is nothing to make it of. */
  #clientId = "";
  #calls = 0;
  #session: Session | null = null;
  #closing: Promise<void> | null = null;

  /**
   * `connect` starts a worker, or brings a port to one; it is called again when that has ended. `token` is shown with every
   * call, for the gateway rules.
   */
  constructor(options: OpenOptions, connect: () => Channel, token: string | null = null) {
    this.#options = options;
    this.#connect = connect;
    this.#token = token;
  }

  /** Tells the listener of every worker's events from now on, until the function that is returned is called. */
  on<T extends keyof ClientEvents>(type: T, listener: Listener<T>): () => void {
    // A listener that is given twice hears twice, and each is taken off by itself.
    const own: Listener<T> = (event) => listener(event);
    const listeners = ((this.#listeners[type] as Set<Listener<T>> | undefined) ??= new Set());
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  readonly #onPush = ({ type, event }: Push): void => {
    if (type === "ended") return this.#session?.transport.end(new TidepoolError(event.code, event.message));
    if (type !== "change") return this.#tell(type, event);
    const { requestId, ...change } = event;
    this.#tell(type, { ...change, own: requestId?.startsWith(`${this.#clientId}-`) ?? false });
  };

  /** A warning that nobody listens for should not pass unseen. */
  #tell<T extends keyof ClientEvents>(type: T, event: ClientEvents[T]): void {
    const listeners = [...((this.#listeners[type] as Set<Listener<T>> | undefined) ?? [])];
    if (type === "warning" && listeners.length === 0) console.warn((event as ClientEvents["warning"]).message);
    for (const listener of listeners) listener(event);
  }

  /** Opens if need be, then calls the engine. */
  call<M extends MethodWithoutRequest>(method: M): Promise<ResponseOf<M>>;
  call<M extends keyof EngineMethods>(method: M, request: RequestOf<M>, options?: CallOptions): Promise<ResponseOf<M>>;
  async call(method: keyof EngineMethods, request?: object, options?: CallOptions): Promise<unknown> {
    if (this.#closing !== null) throw closed(this.#options.path);
    const caller = this.#caller(options);
    const { transport, opened } = (this.#session ??= this.#start());
    await opened;
    if (options?.buffers) transfer(request!, options.buffers);
    return transport.settle(transport.session.call(method, request, caller), request);
  }

  #caller({ token = this.#token, requestId }: CallOptions = {}): Caller {
    const clientId = (this.#clientId ||= randomId());
    return { token, clientId, requestId: requestId ?? `${clientId}-${++this.#calls}` };
  }

  /** Lets calls under way finish, closes the engine and ends the worker. Later calls reject with `CLOSED`. */
  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    removePageListeners(this.#onPageHide);
    if (this.#session === null) return;
    const { transport, opened } = this.#session;
    try {
      await opened;
    } catch {
      return; // The caller of the opening has been told; there is nothing to close.
    }
    try {
      await transport.settle(transport.session.close());
    } finally {
      transport.end(closed(this.#options.path));
    }
  }

  #start(): Session {
    const transport = new Transport(this.#connect, this.#onPush, () => {
      if (this.#session?.transport === transport) this.#session = null;
    });
    const opened = transport.settle(transport.session.open(this.#options, VERSION), this.#options);
    opened.catch((error: TidepoolError) => transport.end(error));
    addPageListeners(this.#onPageHide);
    return { transport, opened };
  }

  readonly #onPageHide = (event: PageTransitionEvent): void => {
    if (event.persisted) this.#session?.transport.end(lost("the page was put aside by the browser"));
  };
}

/** 96 random bits in 16 characters. Unlike `crypto.randomUUID` it is there in insecure contexts, too. */
function randomId(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))));
}

/** The next call after the page comes back starts a new worker, so `pageshow` needs no listener. */
function addPageListeners(onPageHide: (event: PageTransitionEvent) => void): void {
  globalThis.addEventListener?.("pagehide", onPageHide as EventListener);
}

function removePageListeners(onPageHide: (event: PageTransitionEvent) => void): void {
  globalThis.removeEventListener?.("pagehide", onPageHide as EventListener);
}

function closed(path: string): TidepoolError {
  return new TidepoolError("CLOSED", `The client of database "${path}" is closed; create a new TidepoolClient`);
}
