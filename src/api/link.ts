/**
 * The way of one realm (a page, a frame, a worker) to the engine of one path. All its clients of that path share it.
 *
 * One context of the origin runs the engine: the holder, whose worker has the lease. The others are followers: they have a session
 * with the holder's worker over a port or a relay. Whoever comes first starts a worker; who finds the lease held asks for the
 * holder. One follower stands by: its worker waits for the lease, so that it opens the engine the moment the holder has gone.
 * Calls under way are then asked again there, with the ids that they had, so that the engine applies none of them twice.
 *
 * A database in memory is its client's own: one worker, no search, and what is lost with the worker is lost. Clients of a directory
 * meet in its thread (`src/node/engine-thread.ts`).
 */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import { VERSION } from "../version.js";
import type { OpenHow, Push } from "../worker/protocol.js";
import { guestLockOf, type Serving, type Who } from "../worker/rendezvous.js";
import type { Role } from "./client-events.js";
import { createWorker } from "./create-worker.js";
import { keyOf } from "./encryption-options.js";
import { HolderSearch, offerHolder, portToHolder, timeout } from "./holder-search.js";
import { openOffscreen } from "./offscreen.js";
import { Silence } from "./silence.js";
import { type Channel, lost, Transport } from "./transport.js";
import { wholeAnswer } from "./whole-answer.js";

/** A client that uses a link. */
export interface LinkMember {
  onPush(push: Push): void;
  onRole(role: Role): void;
  /** Whoever served has gone. */
  onLost(): void;
}

/** Who answers the calls now. */
interface Served {
  transport: Transport;
  role: Role;
}

/** A worker that opens the engine, or waits for the lease to do so. */
interface Candidate {
  transport: Transport;
  /** Rejects where the engine cannot be opened; never where the candidate was dropped. */
  opened: Promise<unknown>;
  drop(): void;
  /** It takes the lease, or has taken it, from a holder that was silent. */
  takesOver: boolean;
}

type Word = Who | Serving;

type Ask<T> = (transport: Transport) => Promise<T>;

/** How an engine is asked. */
export type EngineCall = Transport["call"];

/** What a connection needs of its way to an engine: a link, or what stands in its place where the engine is a server. */
export interface WayToEngine {
  join(member: LinkMember, options: OpenOptions): Promise<void>;
  leave(member: LinkMember, reason: TidepoolError): Promise<void>;
  abandon(member: LinkMember, reason: TidepoolError): void;
  cancel(requestId: string): void;
  /** The database has another key from now on. Returns what it was opened with. Not there where it has none. */
  rekey?(encryption: OpenOptions["encryption"]): OpenOptions["encryption"];
  call<T>(ask: (engine: { call: EngineCall }) => Promise<T>): Promise<T>;
}

const links = new Map<string, Link>();
const never = new Promise<never>(() => {});

export class Link implements WayToEngine {
  readonly #options: OpenOptions;
  /** Whether it has had the database open. */
  #wasServed = false;
  readonly #connect: () => Channel;
  #locks: LockManager | undefined;
  /** Resolves when an earlier link of this path is closed. */
  #before: Promise<unknown> | null | undefined;
  readonly #members = new Set<LinkMember>();
  #served: Promise<Served> | null = null;
  #current: Served | null = null;
  #candidate: Candidate | null = null;
  #search: HolderSearch | null = null;
  /** Ends the wish to stand by, and with it the lock that says so. */
  #standing: AbortController | null = null;
  #aside: { back: Promise<void>; comeBack(): void } | null = null;
  #closing: Promise<void> | null = null;
  /** Of each session with another's worker: what ends the lock that tells its holder of this page. */
  readonly #guests = new WeakMap<Transport, () => void>();
  /** The extension's page that is opened where nobody can hold the database. */
  #offscreen: string | undefined;
  #underWay = 0;
  #listening = false;
  /** Of the holder, since somebody asked. */
  readonly #silence = new Silence();

  private constructor(options: OpenOptions, connect: () => Channel, locks: LockManager | undefined, before?: Promise<unknown> | null) {
    this.#options = options;
    this.#connect = connect;
    this.#locks = locks;
    this.#before = before;
  }

  /** That of the path, made where there is none; one of the client's own for a database in memory, or in a directory. */
  static to(options: OpenOptions, connect: () => Channel, offscreen?: string): Link {
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    if (options.storage === "memory" || options.storage === "directory" || locks === undefined || typeof BroadcastChannel === "undefined")
      return new Link(options, connect, undefined);
    const known = links.get(options.path);
    if (known !== undefined && known.#closing === null) return known;
    const link = new Link(options, connect, locks, known === undefined ? null : known.#closing);
    link.#offscreen = offscreen;
    links.set(options.path, link);
    return link;
  }

  /** Begins to use it. Rejects where this client asks for what another has open otherwise. */
  async join(member: LinkMember, options: OpenOptions): Promise<void> {
    this.#members.add(member);
    if (this.#members.size === 1) toPageEvents("add", this.#onPageEvent);
    if (this.#current !== null) member.onRole(this.#current.role);
    if (options === this.#options) return;
    try {
      await this.call((transport) => openSession(transport, options));
    } catch (error) {
      await this.leave(member, error as TidepoolError);
      throw error;
    }
  }

  /** The last to leave closes the session, and the engine where it runs here. */
  leave(member: LinkMember, reason: TidepoolError): Promise<void> {
    this.#members.delete(member);
    if (this.#members.size > 0) return Promise.resolve();
    return (this.#closing ??= this.#close(reason));
  }

  /** As `leave`, without waiting: where this was the last, the worker ends at once, whatever it does. */
  abandon(member: LinkMember, reason: TidepoolError): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    toPageEvents("remove", this.#onPageEvent);
    this.#closing = Promise.resolve();
    this.#letGo(reason);
    if (links.get(this.#options.path) === this) links.delete(this.#options.path);
  }

  /** Tells whoever serves that nobody waits any more for the call of this id. */
  cancel(requestId: string): void {
    const { transport } = this.#current ?? {};
    if (transport !== undefined && !transport.hasEnded) void transport.session.cancel(requestId);
  }

  rekey(encryption: OpenOptions["encryption"]): OpenOptions["encryption"] {
    const before = this.#options.encryption;
    this.#options.encryption = encryption;
    return before;
  }

  /** Asks whoever serves, and when that has gone, whoever serves then. */
  async call<T>(ask: Ask<T>): Promise<T> {
    this.#underWay++;
    try {
      for (let attempt = 1; ; attempt++) {
        const served = await this.#serve();
        this.#listenLater(served);
        try {
          return await this.#ask(served, ask);
        } catch (error) {
          if (attempt === limits.callAttemptsMax || !this.#hasGone(served, error as TidepoolError)) throw error;
          served.transport.end(error as TidepoolError);
        }
      }
    } finally {
      this.#underWay--;
    }
  }

  /** Nothing here waits for what may never be answered: that would keep the session, and the worker with it. */
  async #ask<T>({ transport }: Served, ask: Ask<T>): Promise<T> {
    const answer = await ask(transport);
    return wholeAnswer(answer, (cut) => transport.settle(transport.session.more(cut)));
  }

  /** The holder's session is `CLOSED` when the holder closes, which is not this client's end. */
  #hasGone({ transport }: Served, { code }: TidepoolError): boolean {
    if (this.#locks === undefined || this.#closing !== null) return false;
    return transport.hasEnded || code === "CLOSED" || code === "LEASE_LOST";
  }

  #serve(): Promise<Served> {
    if (this.#served !== null) return this.#served;
    const served = this.#find();
    this.#served = served;
    served.catch(() => {
      if (this.#served === served) this.#served = null;
      this.#leaveRegistry(); // Another client may ask for the path otherwise.
    });
    return served;
  }

  // ---- finding who serves

  async #find(): Promise<Served> {
    await this.#before?.catch(() => undefined);
    this.#before = null;
    while (this.#aside !== null) await this.#aside.back;
    // Whoever stands by may not have asked for the lease yet: a second worker would be a stranger to this page once the first serves.
    if (this.#locks === undefined || (this.#canHold && !(await this.#isHeld()) && this.#candidate === null)) this.#stand();
    if (this.#locks === undefined) return this.#candidate!.opened.then(() => this.#current!);
    this.#search ??= new HolderSearch(this.#options.path, this.#onWord);
    return this.#searchHolder(this.#search);
  }

  /** Until a worker of this realm has the engine open, or another holder has let it in. */
  async #searchHolder(search: HolderSearch): Promise<Served> {
    const begun = performance.now();
    let patience = begun + limits.serveWaitMs;
    let opening = false;
    for (;;) {
      const heard = opening ? search.listen(limits.answerWaitMs) : search.ask(null, limits.answerWaitMs);
      const word = await Promise.race([this.#candidate?.opened ?? never, heard as Promise<Serving | null | unknown>]);
      if (this.#current !== null) return this.#current;
      if (this.#search !== search) return this.#interrupted();
      const holder = word as Serving | null;
      opening = holder !== null && !holder.ready;
      if (holder?.ready && !(await this.#isOwn(holder)) && this.#current === null) {
        if (await this.#follow(search, holder)) return this.#current!;
      } else if (opening || this.#isLoading(begun)) patience = performance.now() + limits.serveWaitMs;
      else await this.#withoutAnswer(patience);
    }
  }

  /** The page was put aside, or its clients have closed, before anybody was found. */
  #interrupted(): Promise<Served> {
    return this.#aside === null ? Promise.reject(lost("the client was closed")) : this.#find();
  }

  /** A worker of this page may say to all that it serves before it has said so to this page. */
  async #isOwn({ host }: Serving): Promise<boolean> {
    if (this.#candidate === null) return false;
    return (await Promise.race([this.#candidate.transport.presence, timeout(limits.portWaitMs)])) === host;
  }

  /** Whether this page's own worker has not begun yet: on a busy machine it may be that which nobody hears, and no holder. */
  #isLoading(begun: number): boolean {
    const { transport } = this.#candidate ?? {};
    if (transport === undefined || transport.host !== null) return false;
    const waitMs = limits.workerLoadWaitMs;
    if (performance.now() - begun <= waitMs) return true;
    const error = lost(`its worker has not begun within ${waitMs} ms`);
    transport.end(error);
    throw error;
  }

  /** Whoever stands by takes over from a silent holder within `heartbeatMs`; when it has not, it is silent itself, and loses its place. */
  async #withoutAnswer(patience: number): Promise<void> {
    const silentMs = performance.now() - (patience - limits.serveWaitMs);
    if (this.#canHold) this.#standBy(silentMs > 2 * limits.heartbeatMs);
    else if (!(await this.#isHeld())) {
      if (this.#offscreen === undefined) throw nobodyHolds(this.#options.path);
      await openOffscreen(this.#offscreen);
    }
    if (performance.now() > patience) throw locked(this.#options.path);
  }

  get #canHold(): boolean {
    return typeof Worker !== "undefined" || this.#connect !== createWorker;
  }

  /** Whether somebody has the lease, or is about to. Where site data is blocked there are no locks; the worker will say so. */
  async #isHeld(): Promise<boolean> {
    const found = await this.#locks!.query().catch(() => null);
    if (found === null) this.#locks = undefined;
    const { held = [], pending = [] } = found ?? {};
    return [...held, ...pending].some(({ name }) => name === this.#lease);
  }

  get #lease(): string {
    return `tidepool:${this.#options.path}`;
  }

  // ---- being the holder

  /** Starts a worker that opens the engine once it has the lease. */
  #stand(how: OpenHow = { wait: this.#locks !== undefined }): void {
    const transport = this.#newTransport(this.#connect);
    let dropped = false;
    const open = (): Promise<void> => openSession(transport, this.#options, { ...how, again: this.#wasServed });
    // Whose key did fit has waited for the lease with one that was changed meanwhile.
    const opening = open().catch((error) => (this.#wasServed && error.code === "WRONG_KEY" ? open() : Promise.reject(error)));
    // One that was robbed of the lease before it had opened anything says nothing of the database: others serve.
    const opened = opening.catch((error: TidepoolError) => (dropped || error.code === "LEASE_LOST" ? never : Promise.reject(error)));
    const drop = (): void => {
      dropped = true;
      transport.end(lost("another context runs the engine"));
    };
    this.#candidate = { transport, opened, drop, takesOver: how.takeOver === true };
    opening.then(
      () => dropped || this.#become({ transport, role: "holder" }),
      (error: TidepoolError) => transport.end(error),
    );
    opened.catch(() => undefined);
  }

  #become(served: Served): void {
    const { transport, role } = served;
    const before = this.#current;
    this.#silence.end();
    this.#current = served;
    this.#wasServed = true;
    this.#served = Promise.resolve(served);
    if (role === "holder") {
      this.#candidate = null;
      this.#standing?.abort();
    } else this.#standBy();
    before?.transport.end(lost("another context runs the engine now"));
    if (this.#locks !== undefined && !links.has(this.#options.path)) links.set(this.#options.path, this);
    if (transport.hasEnded) this.#onEnd(transport);
    else for (const member of this.#members) member.onRole(role);
  }

  /** Whoever has this lock is the one whose worker waits for the lease. */
  #standBy(steal = false): void {
    if (!this.#canHold || (this.#standing !== null && (!steal || this.#candidate !== null))) return;
    this.#standing?.abort();
    const standing = new AbortController();
    this.#standing = standing;
    const until = new Promise<void>((resolve) => standing.signal.addEventListener("abort", () => resolve()));
    const how = steal ? { steal } : { signal: standing.signal };
    this.#locks!.request(`tidepool-standby:${this.#options.path}`, how, () => {
      if (this.#candidate === null && !standing.signal.aborted) this.#stand(steal ? { takeOver: true } : undefined);
      return until;
    })
      .catch(() => undefined) // Given up, or taken by another to whom this one was silent.
      .finally(() => {
        if (this.#standing === standing) this.#standing = null;
      });
  }

  // ---- being a follower

  /** Whether the holder has let this page in; `false` where it went away meanwhile. */
  async #follow(search: HolderSearch, { host, release }: Serving): Promise<boolean> {
    if (release !== VERSION) throw otherRelease(this.#options.path, release);
    this.#dropCandidate();
    const guest = await this.#announce();
    const transport = (await this.#directly(host)) ?? (await this.#relayed(search, host, guest.id));
    if (transport === null) {
      guest.leave();
      return false;
    }
    this.#guests.set(transport, guest.leave);
    try {
      await openSession(transport, this.#options, { guest: guest.id });
    } catch (error) {
      const hasGone = this.#hasGone({ transport, role: "follower" }, error as TidepoolError);
      transport.end(error as TidepoolError);
      if (hasGone) return false;
      throw error;
    }
    this.#become({ transport, role: "follower" });
    return true;
  }

  /** Holds a lock for as long as this page follows, so that the holder hears of its end. */
  #announce(): Promise<{ id: string; leave(): void }> {
    const id = randomId();
    return new Promise((resolve, reject) => {
      this.#locks!.request(guestLockOf(id), () => new Promise<void>((leave) => resolve({ id, leave }))).catch(reject);
    });
  }

  async #directly(host: string): Promise<Transport | null> {
    const port = portToHolder(host);
    if (port === null) return null;
    const transport = this.#newTransport(() => port);
    if ((await Promise.race([transport.presence, timeout(limits.portWaitMs)])) === host) return transport;
    transport.end(lost("the port leads nowhere"));
    return null;
  }

  async #relayed(search: HolderSearch, host: string, guest: string): Promise<Transport | null> {
    const relay = await search.relay(host, guest, limits.portWaitMs);
    return relay === null ? null : this.#newTransport(() => relay);
  }

  #newTransport(connect: () => Channel): Transport {
    const transport: Transport = new Transport(
      connect,
      (push) => this.#onPush(transport, push),
      () => this.#onEnd(transport),
    );
    return transport;
  }

  #onPush(transport: Transport, push: Push): void {
    if (push.type === "guests") offerHolder(transport.host!, (port) => transport.pass(port));
    else if (push.type === "ended") transport.end(new TidepoolError(push.event.code, push.event.message));
    else for (const member of this.#members) member.onPush(push);
  }

  /** A follower goes on by itself, since its clients may listen; a holder whose worker ended starts another with the next call. */
  #onEnd(transport: Transport): void {
    if (transport.host !== null) offerHolder(transport.host, null);
    this.#guests.get(transport)?.();
    if (this.#candidate?.transport === transport) {
      this.#candidate = null;
      this.#standing?.abort();
    }
    if (this.#current?.transport !== transport) return;
    const { role } = this.#current;
    this.#silence.end();
    this.#current = null;
    this.#served = null;
    if (role === "follower" && this.#members.size > 0 && this.#aside === null) this.#serve().catch(() => undefined);
    for (const member of this.#members) member.onLost();
  }

  // ---- a holder that does not answer

  /** Looks after a call that takes long: whether the holder is there at all. */
  #listenLater(served: Served): void {
    if (served.role !== "follower" || this.#listening) return;
    this.#listening = true;
    void timeout(limits.silenceMs).then(async () => {
      const listens = (): boolean => this.#underWay > 0 && this.#current === served;
      if (listens() && !(await this.#answers()) && listens()) served.transport.end(lost("the holder does not answer"));
      this.#listening = false;
      if (listens()) this.#listenLater(served);
    });
  }

  /** `true` also where this page itself did not run meanwhile. */
  async #answers(): Promise<boolean> {
    const from = performance.now();
    const word = await this.#search!.ask(null, limits.heartbeatMs);
    return word !== null || performance.now() - from > 2 * limits.heartbeatMs;
  }

  /**
   * Who stands by hears others ask. When nobody answers them, it takes the lease from whoever has it. The holder's page hears them,
   * too, and ends a worker that does not answer before that, with all that it has open.
   */
  readonly #onWord = (word: Word): void => {
    const { role, transport } = this.#current ?? {};
    if (role === "holder") this.#onWordToHolder(word, transport!);
    else if (word.type === "serving") this.#onWordOfHolder(word, transport);
    else if (this.#candidate !== null && this.#standing !== null) this.#silence.begin(limits.heartbeatMs, () => void this.#takeOver());
  };

  /** Who has been taken over from, frozen, say, tells nobody of anything: a follower that only listens goes on elsewhere. */
  #onWordOfHolder({ host, ready }: Serving, transport: Transport | undefined): void {
    this.#silence.end();
    if (ready && transport !== undefined && transport.host !== host) transport.end(lost("another context runs the engine now"));
  }

  /** Another may have taken over while this page did not run, or another's word may be late: its own worker will say. */
  #onWordToHolder(word: Word, transport: Transport): void {
    if (word.type === "serving" && word.host === transport.host) this.#silence.end();
    else if (this.#closing === null && this.#silence.begin(limits.holderSilenceMs, () => transport.end(lost("its worker does not answer"))))
      if (word.type === "serving") void this.#search?.ask(null, limits.answerWaitMs);
  }

  /** Not where its own worker is still being loaded: then nobody need be silent. */
  async #takeOver(): Promise<void> {
    const candidate = this.#candidate;
    if (candidate === null || candidate.takesOver || candidate.transport.host === null) return;
    const { held = [] } = await this.#locks!.query();
    if (this.#candidate !== candidate || !held.some(({ name }) => name === this.#lease)) return;
    this.#dropCandidate();
    this.#stand({ takeOver: true });
  }

  // ---- the page's own end

  #dropCandidate(): void {
    const candidate = this.#candidate;
    this.#candidate = null;
    candidate?.drop();
  }

  #letGo(reason: TidepoolError): void {
    this.#silence.end();
    this.#standing?.abort();
    this.#dropCandidate();
    this.#current?.transport.end(reason);
    this.#search?.close();
    this.#search = null;
  }

  async #close(reason: TidepoolError): Promise<void> {
    toPageEvents("remove", this.#onPageEvent);
    try {
      // A search that nobody waits for ends with the client; an opening that is asked for is waited for.
      const served = this.#underWay > 0 ? await this.#served?.catch(() => null) : this.#current;
      await served?.transport.close(reason);
    } finally {
      this.#letGo(reason);
      this.#leaveRegistry();
    }
  }

  #leaveRegistry(): void {
    if (links.get(this.#options.path) === this) links.delete(this.#options.path);
  }

  /** In the back/forward cache a page must hold nothing: it would keep the database locked there. */
  readonly #onPageEvent = ({ type, persisted }: PageTransitionEvent): void => {
    if (type === "pageshow") {
      this.#aside?.comeBack();
      this.#aside = null;
    } else if (persisted) {
      if (this.#locks !== undefined) this.#aside ??= gate();
      this.#letGo(lost("the page was put aside by the browser"));
    }
  };
}

/** The key is asked for with each opening: it may have been changed. */
function openSession(transport: Transport, options: OpenOptions, how?: OpenHow): Promise<void> {
  const { encryption } = options;
  const { session } = transport;
  const opening =
    encryption === undefined
      ? session.open(options, VERSION, how)
      : keyOf(encryption).then((key) => session.open({ ...options, encryption: { key } }, VERSION, how));
  return transport.settle(opening, { ...options, encryption: undefined });
}

function gate(): { back: Promise<void>; comeBack(): void } {
  let comeBack!: () => void;
  return { back: new Promise((resolve) => (comeBack = resolve)), comeBack };
}

function toPageEvents(what: "add" | "remove", listener: (event: PageTransitionEvent) => void): void {
  for (const type of ["pagehide", "pageshow"]) globalThis[`${what}EventListener`]?.(type, listener as EventListener);
}

/** 96 random bits in 16 characters. Unlike `crypto.randomUUID` it is there in insecure contexts, too. */
export function randomId(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(12))));
}

function otherRelease(path: string, release: string): TidepoolError {
  return new TidepoolError(
    "NOT_SUPPORTED",
    `Database "${path}" is open in another tab or worker with tidepool-db ${release}, and this is ${VERSION}: ` +
      "reload the one that has the older release",
    { details: { path, holder: release, release: VERSION } },
  );
}

function nobodyHolds(path: string): TidepoolError {
  return new TidepoolError(
    "NOT_SUPPORTED",
    `Database "${path}" is open nowhere, and there is no Worker here: open it in a page of this origin; an extension gives \`offscreen\``,
  );
}

function locked(path: string): TidepoolError {
  const waitMs = limits.serveWaitMs;
  return new TidepoolError(
    "LOCKED",
    `Another tab or worker holds the database "${path}" and neither answered nor let go of it within ${waitMs} ms; close or reload it`,
    { details: { path, waitMs } },
  );
}
