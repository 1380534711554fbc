/**
 * One page's session with the host: its calls, and nobody else's. Closing it lets its own calls end and refuses later ones;
 * other sessions go on. Whatever goes wrong leaves it as a `TidepoolError`.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import { isEngineMethod, needsRequest } from "../core/gateway/guard.js";
import { resetForbidden } from "../core/gateway/service.js";
import { validateNames, validateObject } from "../core/gateway/validate/values.js";
import { limits } from "../core/limits.js";
import type { EngineMethods, EngineService, OpenOptions } from "../core/service.js";
import { VERSION } from "../version.js";
import { AnswerParts } from "./answer-parts.js";
import { type AnswerPart, asError, type HostSession, type OpenHow, type Push } from "./protocol.js";

/** What a session asks of its host. */
export interface SessionHost {
  presence(): Promise<string | null>;
  /** The engine, once it is open with these options. */
  join(session: Session, options: OpenOptions, how: OpenHow): Promise<EngineService>;
  /** Rejects with `WRONG_KEY` where the database is open with another key than these options', or one of the two is open without any. */
  checkKey(options: OpenOptions): Promise<void>;
  /** Rejects with `LEASE_LOST` where another worker has taken over while this one did not run. */
  confirm(): Promise<void> | void;
  /** Whether the engine stays open, for other sessions. */
  leave(session: Session): Promise<boolean>;
  /** It has closed, and its answer is on its way. */
  left(session: Session): void;
  destroy(path: string): Promise<void>;
}

export class Session implements HostSession {
  readonly #host: SessionHost;
  /** Sends to whoever is at the other end. */
  readonly push: (push: Push) => void;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Of each call under way, by its id: what ends it. */
  readonly #cancels = new Map<string, () => void>();
  readonly #answers = new AnswerParts();
  /** What ends with the session. */
  readonly #leaving = new Set<() => void>();
  #engine: Promise<EngineService> | null = null;
  /** The engine, once it is open: then nothing has to be awaited for it. */
  #joined: EngineService | null = null;
  #options: OpenOptions | null = null;
  #closing: Promise<void> | null = null;
  /** Why the engine has ended by itself. */
  #ended: TidepoolError | null = null;

  constructor(host: SessionHost, push: (push: Push) => void) {
    this.#host = host;
    this.push = push;
  }

  presence(): Promise<string | null> {
    return tidily(() => this.#host.presence());
  }

  /** May be tried again when it has failed. */
  open(options: OpenOptions, release: string, how: OpenHow = {}): Promise<void> {
    return tidily(async () => {
      refuseOtherRelease(release);
      this.#assertGoesOn();
      if (this.#engine !== null) {
        await this.#host.checkKey(options);
        return refuseContradiction(this.#options!, options, ["encryption"]);
      }
      this.#options = options;
      this.#engine = this.#host.join(this, options, how);
      try {
        this.#joined = await this.#engine;
      } catch (error) {
        this.#engine = null;
        throw error;
      }
    });
  }

  /** Asks the engine. A large answer is a {@link CutAnswer}. */
  call(method: keyof EngineMethods, request: unknown, caller: Caller): Promise<unknown> {
    const answer = tidily(async () => {
      validateCall(method, request, caller);
      this.#assertGoesOn();
      if (this.#engine === null) throw new TidepoolError("INTERNAL", "The session was used before it was opened");
      if (method === "reset" && !this.#options!.allowReset) throw resetForbidden();
      // What need not be awaited is not: a short call takes as long as a few promises do in some browsers.
      const confirmed = this.#host.confirm();
      if (confirmed !== undefined) await confirmed;
      const engine = (this.#joined ?? (await this.#engine)) as Record<string, (request: unknown, caller: Caller) => Promise<unknown>>;
      const answer = await this.#cancellable(caller, (mine) => engine[method]!(request, mine));
      return this.#answers.begin(answer, caller.requestId);
    });
    this.#underWay.add(answer);
    void answer.catch(() => undefined).finally(() => this.#underWay.delete(answer));
    return answer;
  }

  async #cancellable<T>(caller: Caller, body: (caller: Caller) => Promise<T>): Promise<T> {
    let isCancelled = false;
    const cancel = (): void => {
      isCancelled = true;
    };
    this.#cancels.set(caller.requestId, cancel);
    try {
      return await body({ ...caller, isCancelled: () => isCancelled, leaving: this.#leaving });
    } finally {
      if (this.#cancels.get(caller.requestId) === cancel) this.#cancels.delete(caller.requestId);
    }
  }

  more(cut: string): Promise<AnswerPart> {
    return tidily(async () => this.#answers.more(cut));
  }

  async cancel(requestId: string): Promise<void> {
    this.#cancels.get(requestId)?.();
    this.#answers.cancel(requestId);
  }

  /** The engine has ended: later calls reject with `error`, and whoever is at the other end is told. */
  end(error: TidepoolError): void {
    this.#ended = error;
    this.push({ type: "ended", event: { code: error.code, message: error.message } });
  }

  #assertGoesOn(): void {
    if (this.#closing !== null) throw closed();
    if (this.#ended !== null) throw this.#ended;
  }

  close(): Promise<void> {
    return (this.#closing ??= tidily(() => this.#close()).finally(() => this.#host.left(this)));
  }

  /**
   * Where the engine is closed it ends what is under way itself, so only among others are calls waited for. The page still pulls
   * the rest of their answers.
   */
  async #close(): Promise<void> {
    for (const leave of this.#leaving) leave();
    this.#leaving.clear();
    if (await this.#host.leave(this)) await Promise.allSettled(this.#underWay);
    await this.#answers.drain(limits.closeWaitMs);
  }

  destroy(path: string, release: string): Promise<void> {
    return tidily(async () => {
      refuseOtherRelease(release);
      await this.#host.destroy(path);
    });
  }
}

async function tidily<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
    const { name, message } = asError(error);
    throw new TidepoolError("INTERNAL", `Unexpected ${name}: ${message}`, { cause: error });
  }
}

/** What else is inside the request the gateway validates. */
function validateCall(method: unknown, request: unknown, caller: unknown): void {
  if (!isEngineMethod(method)) throw invalidArgument(`The engine has no method ${show(method)}`);
  if (request !== undefined || needsRequest(method)) {
    validateObject(request, "request");
    validateNames(request);
  }
  validateObject(caller, "caller");
  const { token, clientId, requestId } = caller as Partial<Caller>;
  const named = [clientId, requestId].every((id) => typeof id === "string" && id.length <= limits.requestIdLengthMax);
  if (!named || (token !== null && typeof token !== "string")) throw invalidArgument("A caller is { token, clientId, requestId }");
}

function refuseOtherRelease(release: string): void {
  if (release === VERSION) return;
  throw new TidepoolError(
    "NOT_SUPPORTED",
    `The page runs tidepool-db ${release} but its worker file is of ${VERSION}: reload the page, or serve both files of one release`,
    { details: { page: release, worker: VERSION } },
  );
}

/**
 * One engine is opened in one way, but for what concerns a single session (`free`). Rules and sources are not shown: tokens are in them.
 */
export function refuseContradiction(open: OpenOptions, asked: OpenOptions, free: readonly (keyof OpenOptions)[] = []): void {
  for (const option of Object.keys({ ...open, ...asked }) as (keyof OpenOptions)[]) {
    if (free.includes(option) || canonical(open[option]) === canonical(asked[option])) continue;
    const values = option === "gateway" || option === "source" ? "" : `, ${show(open[option])} and not ${show(asked[option])}`;
    throw invalidArgument(
      `The database "${open.path}" is open with another ${option}${values}: ask for the same, or close its other clients first`,
    );
  }
}

/** Equal for equal values, in whatever order their keys are. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part,
  );
}

export function closed(): TidepoolError {
  return new TidepoolError("CLOSED", "This session with the database is closed.");
}
