/**
 * Owns the worker and its Comlink proxy. Opens with the first call, shares one opening among concurrent calls, and tries
 * again with the next call when opening fails or the worker has died.
 *
 * Comlink never settles a call whose worker is gone, so every call is registered here and rejected with
 * `CONNECTION_LOST` when the worker reports an error, ends silently (its presence lock becomes free), or is ended because
 * the page enters the back/forward cache, where it would keep the database locked.
 */
import { type Remote, transfer, wrap } from "comlink";
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import type { EngineMethods, MethodWithoutRequest, OpenOptions, RequestOf, ResponseOf, TidepoolWarning } from "../core/service.js";
import { VERSION } from "../version.js";
import { asError, type HostSession, type Push, receiveErrors } from "../worker/protocol.js";

/** What a call may say of itself. */
export interface CallOptions {
  /** Shown instead of the connection's own. */
  token?: string | null;
  /** That of an earlier call, of which this is another try. */
  requestId?: string;
  /** Buffers that the request holds, handed over to the worker instead of copied. */
  buffers?: ArrayBuffer[];
}

type OnWarning = (warning: TidepoolWarning) => void;

/** What nobody listens for should not pass unseen. */
const toConsole: OnWarning = ({ message }) => console.warn(message);

/** One worker from its start to its end. */
class Session {
  readonly #worker: Worker;
  readonly #host: Remote<HostSession>;
  readonly #pending = new Set<(error: TidepoolError) => void>();
  readonly #watch = new AbortController();
  readonly #onEnd: () => void;
  #ended: TidepoolError | null = null;
  /** Resolves once the database is open. */
  readonly opened: Promise<void>;

  constructor(worker: Worker, options: OpenOptions, onWarning: OnWarning, onEnd: () => void) {
    this.#worker = worker;
    this.#onEnd = onEnd;
    worker.addEventListener("error", (event) => this.#onError(event));
    worker.addEventListener("messageerror", () => this.end(lost("an answer of the worker could not be read")));
    // What a handler throws is the page's own uncaught error, as with any listener, and ends nothing here.
    worker.addEventListener("message", ({ data }: MessageEvent<Push | null>) => {
      if (data?.type === "warning") onWarning(data.warning);
    });
    this.#host = wrap<HostSession>(worker);
    const watched = this.track(this.#host.presence()).then((name) => name !== null && this.#watchPresence(name));
    this.opened = this.track(this.#host.open(options, VERSION), options);
    for (const part of [watched, this.opened]) part.catch((error: TidepoolError) => this.end(error));
  }

  call(method: keyof EngineMethods, request: object | undefined, caller: Caller): Promise<unknown> {
    return this.track(this.#host.call(method, request, caller), request);
  }

  /** Closes the database. */
  close(): Promise<void> {
    return this.track(this.#host.close());
  }

  /** The call's own outcome, or the end of the worker, whichever comes first. */
  track<T>(call: Promise<T>, request?: unknown): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      call.then(resolve, (error: unknown) => reject(readable(error, request))).finally(() => this.#pending.delete(reject));
    });
  }

  /** Ends the worker; calls under way reject with `error`. */
  end(error: TidepoolError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#watch.abort();
    this.#worker.terminate();
    this.#onEnd();
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }

  #onError(event: Event): void {
    event.preventDefault();
    const { message } = event as ErrorEvent;
    this.end(lost(message ? `the worker failed: ${message}` : "the worker could not be loaded, or its script failed"));
  }

  /** The worker holds this lock while it lives, so whoever gets it knows that the worker is gone. */
  #watchPresence(name: string): void {
    globalThis.navigator?.locks
      ?.request(name, { signal: this.#watch.signal }, () => this.end(lost("the worker ended")))
      .catch((error: unknown) => {
        if (!this.#watch.signal.aborted) this.end(lost(`its presence could not be watched: ${asError(error).message}`));
      });
  }
}

export class Connection {
  readonly #options: OpenOptions;
  readonly #createWorker: () => Worker;
  readonly #token: string | null;
  readonly #onWarning: OnWarning;
  /** Made with the first call, since a client may be constructed where there is nothing to make it of. */
  #clientId = "";
  #calls = 0;
  #session: Session | null = null;
  #closing: Promise<void> | null = null;

  /** `token` is shown with every call, for the gateway rules. `onWarning` hears of every worker that is started. */
  constructor(options: OpenOptions, createWorker: () => Worker, token: string | null = null, onWarning: OnWarning = toConsole) {
    this.#options = options;
    this.#createWorker = createWorker;
    this.#token = token;
    this.#onWarning = onWarning;
  }

  /** Opens if need be, then calls the engine. */
  call<M extends MethodWithoutRequest>(method: M): Promise<ResponseOf<M>>;
  call<M extends keyof EngineMethods>(method: M, request: RequestOf<M>, options?: CallOptions): Promise<ResponseOf<M>>;
  async call(method: keyof EngineMethods, request?: object, options?: CallOptions): Promise<unknown> {
    if (this.#closing !== null) throw closed(this.#options.path);
    const caller = this.#caller(options);
    const session = (this.#session ??= this.#start());
    await session.opened;
    if (options?.buffers) transfer(request!, options.buffers);
    return session.call(method, request, caller);
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
    const session = this.#session;
    if (session === null) return;
    try {
      await session.opened;
    } catch {
      return; // The caller of the opening has been told; there is nothing to close.
    }
    try {
      await session.close();
    } finally {
      session.end(closed(this.#options.path));
    }
  }

  #start(): Session {
    receiveErrors();
    const session: Session = new Session(this.#startWorker(), this.#options, this.#onWarning, () => {
      if (this.#session === session) this.#session = null;
    });
    addPageListeners(this.#onPageHide);
    return session;
  }

  #startWorker(): Worker {
    try {
      return this.#createWorker();
    } catch (error) {
      if (error instanceof TidepoolError) throw error;
      throw new TidepoolError("CONNECTION_LOST", `The worker could not be started: ${asError(error).message}`, { cause: error });
    }
  }

  readonly #onPageHide = (event: PageTransitionEvent): void => {
    if (event.persisted) this.#session?.end(lost("the page was put aside by the browser"));
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

/** Whatever a call rejects with, as a `TidepoolError`. */
function readable(error: unknown, request: unknown): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const { name, message } = asError(error);
  if (name === "DataCloneError") return invalidArgument(`${unsendable(request)}, which cannot be sent to the worker`);
  return new TidepoolError("INTERNAL", message, { cause: error });
}

/** Names the innermost value that keeps `value` from being sent, and what it is. `seen` ends the walk over circles. */
function unsendable(value: unknown, path = "", seen = new Set<unknown>()): string {
  for (const [key, part] of Object.entries(Object(value) as object)) {
    if (seen.has(part)) continue;
    seen.add(part);
    try {
      structuredClone(part);
    } catch {
      return unsendable(part, Array.isArray(value) ? `${path}[${key}]` : `${path && `${path}.`}${key}`, seen);
    }
  }
  return `${path} is ${typeof value === "object" ? Object.prototype.toString.call(value) : show(value)}`;
}

function lost(why: string): TidepoolError {
  return new TidepoolError(
    "CONNECTION_LOST",
    `The connection to the database is lost: ${why}. Calls under way may or may not have taken effect; the next call opens it again`,
  );
}

function closed(path: string): TidepoolError {
  return new TidepoolError("CLOSED", `The client of database "${path}" is closed; create a new TidepoolClient`);
}
