/** A span of OpenTelemetry for each call, by its conventions for databases (semantic conventions 1.45: `db.*`, `error.type`). */
import type { TidepoolClient } from "../api/client.js";
import { readArguments, readObject } from "../api/read-arguments.js";
import { invalidArgument, show } from "../core/errors.js";
import { type DescribedCall, followCalls } from "./described-calls.js";

/** What is needed of a span of `@opentelemetry/api`. */
export interface CallSpan {
  /** Says one thing of the call. */
  setAttribute(key: string, value: string | number): unknown;
  /** Says that the call failed. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** The call has ended. */
  end(): void;
}

/** What is needed of a tracer of `@opentelemetry/api` 1: `trace.getTracer("my-app")` is one. */
export interface CallTracer {
  /** A call has begun. */
  startSpan(name: string, options: { kind: number; attributes: Record<string, string | number> }): CallSpan;
}

/** Options of {@link traceCalls}. */
export interface TraceCallsOptions {
  /** Makes the spans; whoever registers no SDK with OpenTelemetry gets a tracer that does nothing. */
  tracer: CallTracer;
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR` of the specification, which fixes these numbers. */
const CLIENT = 2;
const ERROR = 2;

/**
 * Makes a span of every call of the engine that this client makes from now on, and of those of the clients that share its connection:
 * `query notes` with the attributes `db.system.name`, `db.namespace` (tenant/database, where the call names them), `db.collection.name`,
 * `db.operation.name`, `db.operation.batch.size`, `db.query.summary`, `db.query.text` (filters without their values), and, where it failed,
 * `error.type` and `db.response.status_code`, both the error's code. It begins when the page asks and ends with the answer, waiting
 * for another tab included. Large writes are several calls. A collection's name is known from the call that opened it: begin before that.
 *
 * @returns Ends it.
 *
 * @throws `INVALID_ARGUMENT`.
 */
export function traceCalls(client: TidepoolClient, options: TraceCallsOptions): () => void {
  const { tracer } = readArguments("traceCalls", () => readObject(options, "traceCalls", "tracer"));
  if (typeof tracer?.startSpan !== "function") throw invalidArgument(`tracer must be a tracer of OpenTelemetry, got ${show(tracer)}`);
  return followCalls(client, (call) => follow(tracer, call), "traceCalls");
}

function follow(tracer: CallTracer, call: DescribedCall): (errorCode: string | null) => void {
  const name = call.collection === undefined ? call.operation : `${call.operation} ${call.collection}`;
  const span = tracer.startSpan(name, { kind: CLIENT, attributes: attributesOf(call, name) });
  return (errorCode) => {
    if (errorCode !== null) {
      span.setAttribute("error.type", errorCode);
      span.setAttribute("db.response.status_code", errorCode);
      span.setStatus({ code: ERROR, message: errorCode });
    }
    span.end();
  };
}

function attributesOf(
  { operation, collection, tenant, database, size, filter }: DescribedCall,
  name: string,
): Record<string, string | number> {
  const given = {
    "db.system.name": "tidepool",
    "db.namespace": tenant === undefined ? undefined : [tenant, database].filter((part) => part !== undefined).join("/"),
    "db.collection.name": collection,
    "db.operation.name": operation,
    // The convention: one alone is no batch.
    "db.operation.batch.size": size === 1 ? undefined : size,
    "db.query.summary": name,
    "db.query.text": filter,
  };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string | number] => entry[1] !== undefined));
}
