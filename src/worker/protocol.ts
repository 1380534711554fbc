/**
 * The contract between page and worker: what the worker exposes over Comlink, what it sends besides, how errors cross, and
 * how each side lets waiting messages through. Calls of the engine are messages of their own (`engine-calls.ts`).
 *
 * Comlink carries a thrown error's name, message and stack and drops the rest. Here a `TidepoolError` arrives as one, with
 * code, details and the chain of causes, as `sendErrors` takes it apart in the worker and `receiveErrors` puts it together
 * again in the page. Each side calls its own before its first message.
 */
import { type TransferHandler, transferHandlers } from "comlink";
import { type ErrorCode, show, TidepoolError } from "../core/errors.js";
import type { EngineEvents } from "../core/events.js";
import type { EngineMethods, OpenOptions } from "../core/service.js";

/** A session with the host of a worker, as the page calls it. Each worker, and each port to one, has a session of its own. */
export interface HostSession {
  /** Name of a Web Lock that the worker holds until it dies; `null` where there are no Web Locks. */
  presence(): Promise<string | null>;
  /**
   * Opens the database, or joins the sessions that have it open in this worker. `release` is the page's version: page and
   * worker of different releases (a stale cache) refuse to talk. When the session is open already it only compares the options.
   */
  open(options: OpenOptions, release: string, how?: OpenHow): Promise<void>;
  /** The next part of a cut answer. */
  more(cut: string): Promise<AnswerPart>;
  /** Says that nobody waits any more for the call of the engine that was made with this id: reads stop at their next turn. */
  cancel(requestId: string): Promise<void>;
  /** Ends the session; the last one closes the database. */
  close(): Promise<void>;
  /** Takes the lease of this path and deletes all that is stored there. The session is not opened for it. */
  destroy(path: string, release: string): Promise<void>;
}

/** Some values of one column of an answer. */
export interface Piece {
  /** Where the column is to be put. */
  path: readonly (string | number)[];
  /** Where in the column they begin, and how long it is in all. */
  at: number;
  of: number;
  values: readonly unknown[] | Float32Array | Float64Array;
}

/** As much of an answer as goes into one message. */
export interface AnswerPart {
  pieces: Piece[];
  isLast: boolean;
}

/** An answer that comes in parts, and the first of them. */
export interface CutAnswer extends AnswerPart {
  /** By which its other parts are asked for. */
  cut: string;
  /** The answer, with its columns still empty. */
  root: { value: unknown };
}

/** How a session opens the database. */
export interface OpenHow {
  /** Waits for the lease for as long as it takes, instead of `limits.lockWaitMs`. */
  wait?: boolean;
  /** Takes the lease from a holder that does not answer any more. */
  takeOver?: boolean;
  /** Whether the client had the database open before: then it is told when there is none any more. */
  again?: boolean;
  /** Joins the engine that is open, and opens none itself. The session ends when the lock of the guest of this id is free. */
  guest?: string;
}

/** What the worker sends to each open session without being asked. Comlink passes it over: its own messages have an id. */
export type Push =
  | { [T in keyof EngineEvents]: { type: T; event: EngineEvents[T] } }[keyof EngineEvents]
  /** The engine has ended by itself and the session with it, for this reason; whoever still wants the database opens it anew. */
  | { type: "ended"; event: { code: ErrorCode; message: string } }
  /** To the page whose worker it is: another context wants to reach the engine. */
  | { type: "guests"; event: null };

/**
 * To the page whose worker it is, beside a port to the engine: to start a helper of this name from this URL. Without a URL: to end it.
 * Comlink passes it over, too.
 */
export interface HelperRequest {
  type: "helper";
  name: string;
  url?: string;
}

/** What a helper says to the engine, or the page in its place where it cannot be started. */
export type HelperAnswer = { type: "ready" } | { type: "left" } | { type: "failed"; why: string };

/** A call of the engine, from the page. Its number is the page's own. */
export interface CallMessage {
  call: number;
  method: keyof EngineMethods;
  request: unknown;
  caller: unknown;
}

/** The worker's answer to the call of this number. A large one is a {@link CutAnswer}. */
export type AnswerMessage = { answer: number; value: unknown } | { answer: number; thrown: ThrownOnWire };

interface Thrown {
  value: unknown;
}

interface ErrorOnWire {
  name: string;
  message: string;
  stack: string | undefined;
  code?: ErrorCode;
  details?: Readonly<Record<string, unknown>>;
  cause?: ErrorOnWire;
}

/** What was thrown, as it can be sent. */
export type ThrownOnWire = { isError: true; value: ErrorOnWire } | { isError: false; value: unknown };

const CAUSES_MAX = 8;

/** Comlink's own handler of what is thrown; the parts of it that are set here are those that Comlink then uses. */
function thrownHandler(): TransferHandler<Thrown, ThrownOnWire> {
  return transferHandlers.get("throw") as TransferHandler<Thrown, ThrownOnWire>;
}

/** In the worker. */
export function sendErrors(): void {
  thrownHandler().serialize = ({ value }) => [onWire(value), []];
}

export function onWire(thrown: unknown): ThrownOnWire {
  return thrown instanceof Error ? { isError: true, value: flatten(thrown, CAUSES_MAX) } : { isError: false, value: thrown };
}

/** Comlink's answer to the message of this id, which throws in the page. */
export function thrownAnswer(id: string, error: TidepoolError): object {
  return { id, type: "HANDLER", name: "throw", value: onWire(error) };
}

/** In the page. */
export function receiveErrors(): void {
  thrownHandler().deserialize = (wire) => {
    throw restored(wire);
  };
}

/** What was thrown, as it was. */
export function restored(wire: ThrownOnWire): unknown {
  return wire.isError ? restore(wire.value) : wire.value;
}

function flatten(error: Error, depth: number): ErrorOnWire {
  const wire: ErrorOnWire = { name: error.name, message: error.message, stack: error.stack };
  if (error instanceof TidepoolError) {
    wire.code = error.code;
    wire.details = error.details;
  }
  if (error.cause !== undefined && depth > 0) wire.cause = flatten(asError(error.cause), depth - 1);
  return wire;
}

function restore(wire: ErrorOnWire): Error {
  const cause = wire.cause === undefined ? undefined : restore(wire.cause);
  const error =
    wire.code === undefined
      ? Object.assign(new Error(wire.message, { cause }), { name: wire.name })
      : new TidepoolError(wire.code, wire.message, { cause, details: wire.details });
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

/** Anything thrown, as an `Error`. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(typeof thrown === "string" ? thrown : show(thrown));
}

let channel: MessageChannel | null = null;
const waiting: (() => void)[] = [];
/** Only Node and its like have it. */
const { setImmediate: inNextTurn } = globalThis as { setImmediate?: (callback: () => void) => void };

/**
 * Resolves after the messages that wait now have run. In browsers a message to oneself queues up behind them, is not throttled in a
 * hidden tab as a timer is, and does not overtake them as `scheduler.yield` does. One channel serves all: making one costs
 * more than the message. Node runs up to a thousand messages of one channel before it looks at another, also such as come in the
 * meantime; there it is the second turn from now, since messages may wait that the present one does not get to.
 */
export function yieldToEventLoop(): Promise<void> {
  if (inNextTurn !== undefined) return new Promise((resolve) => inNextTurn(() => inNextTurn(resolve)));
  channel ??= openChannel();
  const { port2 } = channel;
  return new Promise((resolve) => {
    waiting.push(resolve);
    port2.postMessage(null);
  });
}

function openChannel(): MessageChannel {
  const opened = new MessageChannel();
  opened.port1.onmessage = () => void waiting.shift()!();
  return opened;
}
