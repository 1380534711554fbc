/**
 * The gateway's way to the engine: past the client's own methods, which speak for one database and refuse what REST
 * allows (nulls, empty lists), straight to the requests behind them, which the engine validates itself.
 */
import { invalidArgument, show } from "../../core/errors.js";
import type { EngineService } from "../../core/service.js";
import type { TidepoolClient } from "../client.js";
import type { Connection } from "../connection.js";
import { CONNECTION } from "../connection-key.js";

type Request<M extends keyof EngineService> = Parameters<EngineService[M]>;
type Response<M extends keyof EngineService> = Awaited<ReturnType<EngineService[M]>>;

/** One caller's engine. */
export interface Engine {
  call<M extends keyof EngineService>(method: M, ...args: Request<M>): Promise<Response<M>>;
}

/** The client's engine for a caller that showed `token`; without one the gateway rules see a caller without a token. */
export function engineOf(client: TidepoolClient, token: string | null): Engine {
  const connection = (client as { [CONNECTION]?: Connection })[CONNECTION];
  if (connection === undefined) throw invalidArgument(`client must be a TidepoolClient, got ${show(client)}`);
  return { call: (method, ...[request]) => connection.callAs(token, method, request) };
}
