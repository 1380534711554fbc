/** What is done to records: one operation, or several in one go, as the log records it. */
import type { RecordBatch } from "../types.js";

export type Operation = "add" | "update" | "upsert";

/** What is done to records in one go. */
export type LogOperation = { kind: "write"; operation: Operation; records: RecordBatch } | { kind: "delete"; ids: string[] };

/** `requestId` names the request that it came from, if that had a name. The operations of a transaction take effect in their order. */
export type LogRecord = (LogOperation | { kind: "transaction"; operations: LogOperation[] }) & { requestId?: string };

/** What a record does, one after the other. */
export function operationsOf(record: LogRecord): readonly LogOperation[] {
  return record.kind === "transaction" ? record.operations : [record];
}

/** The ids that a record names. */
export function idsIn(record: LogRecord): readonly string[] {
  return record.kind === "transaction" ? record.operations.flatMap(idsOf) : idsOf(record);
}

/** The ids that an operation names. */
export function idsOf(operation: LogOperation): readonly string[] {
  return operation.kind === "delete" ? operation.ids : operation.records.ids;
}
