/**
 * A connection's way to a Chroma server, in the place of a `Link` to an engine in this browser: the calls are the engine's, so
 * nothing above it knows the difference. Loaded with the first call of a client that has the option `remote`.
 */
import type { TidepoolError } from "../../core/errors.js";
import type { Scope } from "../../core/service.js";
import type { EngineCall, WayToEngine } from "../link.js";
import { ChromaServer, surroundings } from "./chroma-server.js";
import { callServer } from "./remote-calls.js";
import { type RemoteOptions, readRemote } from "./remote-options.js";
import { RemoteSession } from "./remote-session.js";

export class RemoteLink implements WayToEngine {
  readonly #session: RemoteSession;
  /** Of each request under way, by its id. */
  readonly #underWay = new Map<string, AbortController>();

  /** Throws `INVALID_ARGUMENT` for options that cannot be used. `homes` says where collections are that the page made a handle of. */
  constructor(options: RemoteOptions, homes: Map<string, Scope>, around = surroundings) {
    const remote = readRemote(options);
    this.#session = new RemoteSession(new ChromaServer(remote, around), remote, homes);
  }

  /** There is nothing to open: the first request tells whether there is a server. */
  async join(): Promise<void> {}

  /** Whoever leaves waits for the calls under way itself. */
  async leave(): Promise<void> {}

  abandon(_member: unknown, reason: TidepoolError): void {
    for (const request of this.#underWay.values()) request.abort(reason);
  }

  cancel(requestId: string): void {
    this.#underWay.get(requestId)?.abort();
  }

  call<T>(ask: (engine: { call: EngineCall }) => Promise<T>): Promise<T> {
    return ask({ call: this.#ask });
  }

  readonly #ask: EngineCall = async (method, request, { requestId }) => {
    const controller = new AbortController();
    this.#underWay.set(requestId, controller);
    try {
      return await callServer(this.#session, method, request, controller.signal);
    } finally {
      this.#underWay.delete(requestId);
    }
  };
}
