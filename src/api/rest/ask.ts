/**
 * The gateway's way to the engine: past the client's own methods, which speak for one database and refuse what REST
 * allows (nulls, empty lists), straight to the requests behind them, which the engine validates itself.
 */
import { invalidArgument, show } from "../../core/errors.js";
import type { EngineMethods, MethodWithoutRequest, RequestOf, ResponseOf } from "../../core/service.js";
import type { TidepoolClient } from "../client.js";
import type { Connection } from "../connection.js";
import { CONNECTION } from "../connection-key.js";
import { readArguments } from "../read-arguments.js";

/** Asks the engine, in the name of one caller. */
export interface Ask {
  <M extends MethodWithoutRequest>(method: M): Promise<ResponseOf<M>>;
  <M extends keyof EngineMethods>(method: M, request: RequestOf<M>): Promise<ResponseOf<M>>;
}

/** For a caller that showed `token` to the client's engine; without one the gateway rules see a caller without a token. */
export function askAs(client: TidepoolClient, token: string | null): Ask {
  const connection = readArguments("a gateway", () => (client as { [CONNECTION]?: Connection } | null | undefined)?.[CONNECTION]);
  if (connection === undefined) throw invalidArgument(`client must be a TidepoolClient, got ${show(client)}`);
  return <M extends keyof EngineMethods>(method: M, request?: RequestOf<M>) => connection.call(method, request as RequestOf<M>, { token });
}
