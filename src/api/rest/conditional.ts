/** Chroma's conditional transactions over REST, where the gateway's options allow them. */
import type { ConditionalOperation } from "../../core/service.js";
import { addBody, conditionalCommitBody, conditionalGetBody, deleteBody, updateBody, upsertBody } from "./bodies.js";
import type { Call } from "./call.js";
import { existing, readBatch, readGet, tooLarge, type WriteBody } from "./records.js";
import { badRequest, RestError } from "./rest-error.js";
import { readBody, type Shape } from "./shape.js";

const DISABLED = "conditional transactions are disabled by frontend configuration";
const WRITES: { readonly [O in "add" | "update" | "upsert"]: Shape<WriteBody> } = { add: addBody, update: updateBody, upsert: upsertBody };

export async function conditionalGet(call: Call): Promise<object> {
  checkAllowed(call);
  const { read_token: readToken, ...body } = await call.body(conditionalGetBody);
  const { request, toWire } = readGet(call, body);
  const found = await existing(call, call.ask("conditionalGet", { ...request, readToken }));
  return { ...toWire(found), read_token: found.readToken };
}

export async function conditionalCommit(call: Call): Promise<object> {
  checkAllowed(call);
  const { collectionId } = call;
  const { read_token: readToken, read_ids = [], operations } = await call.body(conditionalCommitBody);
  const readIds = [...new Set(read_ids)];
  if (readIds.includes("")) throw badRequest("Empty ID, ID must have at least one character");
  const request = { collectionId, readToken, readIds, operations: operations.flatMap(readOperation) };
  const written = await existing(call, tooLarge(call.ask("conditionalCommit", request)));
  return { first_inserted_record_offset: written.firstInsertedRecordOffset, record_count: written.recordCount };
}

/** An operation that names no ids says nothing. A filter of a deletion is passed over, as Chroma passes over it. */
function readOperation({
  operation,
  payload,
}: {
  operation: "add" | "update" | "upsert" | "delete";
  payload: unknown;
}): ConditionalOperation[] {
  if (operation === "delete") {
    const { ids = [] } = payloadOf(deleteBody, payload);
    return ids.length === 0 ? [] : [{ operation, ids: [...new Set(ids)] }];
  }
  const body = payloadOf(WRITES[operation], payload);
  return body.ids.length === 0 ? [] : [{ operation, records: readBatch(body, operation) }];
}

function checkAllowed(call: Call): void {
  if (!call.allowsTransactions(call.param("tenant"))) throw new RestError(501, "TransactionsNotSupported", DISABLED);
}

function payloadOf<T>(shape: Shape<T>, value: unknown): T {
  return readBody(shape, value, () => JSON.stringify(value));
}
