/** What is told of a change: whose it is and which records it names, bounded in size however large the request was. */
import { idsOf, type LogRecord, operationsOf } from "../base/operations.js";
import type { Change, ChangeKind, EngineEvents } from "../events.js";
import { limits } from "../limits.js";
import type { CollectionRow } from "../sysdb/collection-row.js";

type Told = EngineEvents["change"];

/** The collection itself was created, changed or deleted. */
export function changeOfCollection(kind: ChangeKind, row: CollectionRow, requestId?: string): Told {
  return { kind, ...placeOf(row), count: 0, ids: [], requestId: requestId ?? null };
}

/** Records of the collection were written or deleted: what each operation did. */
export function changesOfRecords(row: CollectionRow, record: LogRecord): Told[] {
  return operationsOf(record).map((operation) => {
    const ids = idsOf(operation);
    const named = ids.length > limits.changeIdsMax ? null : [...ids];
    const kind = operation.kind === "delete" ? operation.kind : operation.operation;
    return { kind, ...placeOf(row), count: ids.length, ids: named, requestId: record.requestId ?? null };
  });
}

function placeOf({ tenant, database, id, name }: CollectionRow): Pick<Change, "tenant" | "database" | "collectionId" | "collection"> {
  return { tenant, database, collectionId: id, collection: name };
}
