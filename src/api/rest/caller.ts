/**
 * The gateway's way to the engine: past the client's own methods, which speak for one database and refuse what REST
 * allows (nulls, empty lists), straight to the requests behind them, which the engine validates itself.
 */
import { invalidArgument, show } from "../../core/errors.js";
import type { EngineMethods, MethodWithoutRequest, RequestOf, ResponseOf } from "../../core/service.js";
import type { TidepoolClient } from "../client.js";
import type { Connection } from "../connection.js";
import { CONNECTION } from "../connection-key.js";

/** One caller's engine. */
export interface Engine {
  call<M extends MethodWithoutRequest>(method: M): Promise<ResponseOf<M>>;
  call<M extends keyof EngineMethods>(method: M, request: RequestOf<M>): Promise<ResponseOf<M>>;
}

/** The client's engine for a caller that showed `token`; without one the gateway rules see a caller without a token. */
export function engineOf(client: TidepoolClient, token: string | null): Engine {
  const connection = (client as { [CONNECTION]?: Connection })[CONNECTION];
  if (connection === undefined) throw invalidArgument(`client must be a TidepoolClient, got ${show(client)}`);
  return { call: (method: keyof EngineMethods, request?: RequestOf<typeof method>) => connection.call(method, request, { token }) };
}
