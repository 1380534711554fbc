/**
 * What a session lets in. Comlink itself would read and set any property of what is exposed, call and construct whatever a path
 * leads to, `constructor` too, and throw on what is no message of its own. Here the calls of {@link HostSession} pass, with plain
 * values, and nothing else reaches Comlink: whoever sends another is told so, where there is an id to answer to.
 */
import { invalidArgument, show, type TidepoolError } from "../core/errors.js";
import { type HostSession, thrownAnswer } from "./protocol.js";

const METHODS: Readonly<Record<keyof HostSession, true>> = {
  presence: true,
  open: true,
  more: true,
  cancel: true,
  close: true,
  destroy: true,
};

/** What Comlink would act on. */
const TYPES: readonly unknown[] = ["GET", "SET", "APPLY", "CONSTRUCT", "ENDPOINT", "RELEASE"];

/** Any message, as far as it is looked into. */
interface Message {
  id?: unknown;
  type?: unknown;
  path?: unknown;
  argumentList?: unknown;
}

/** A worker's end of a channel. */
interface Port {
  addEventListener(type: "message", listener: (event: Event) => void): void;
  postMessage(message: unknown): void;
}

/** To be called before Comlink listens. */
export function refuseForeign(port: Port): void {
  port.addEventListener("message", (event) => {
    const { data } = event as MessageEvent<unknown>;
    if (isCall(data) || isNoneOfComlink(data)) return;
    event.stopImmediatePropagation();
    const { id } = (data ?? {}) as Message;
    if (typeof id === "string") port.postMessage(thrownAnswer(id, refusal(data as Message)));
  });
}

/** Messages of others on the same port pass, since Comlink passes them over, if they have nothing that it reads first. */
function isNoneOfComlink(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return false;
  return !TYPES.includes((data as Message).type) && !("argumentList" in data) && !("path" in data);
}

function isCall(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return false;
  const { id, type, path = [], argumentList = [] } = data as Message;
  if (typeof id !== "string" || !Array.isArray(path) || !Array.isArray(argumentList)) return false;
  if (type === "RELEASE") return path.length === 0 && argumentList.length === 0;
  const named = path.length === 1 && typeof path[0] === "string" && Object.hasOwn(METHODS, path[0]);
  return type === "APPLY" && named && argumentList.every(isPlain);
}

/** A value as it is; Comlink's other kinds make proxies, or throw. */
function isPlain(argument: unknown): boolean {
  return typeof argument === "object" && argument !== null && (argument as Message).type === "RAW";
}

function refusal({ type, path }: Message): TidepoolError {
  return invalidArgument(`A session takes calls of ${Object.keys(METHODS).join(", ")}, got ${show(type)} of ${show(path)}`);
}
