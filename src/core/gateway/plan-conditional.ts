/** What conditional transactions ask, checked: reads at a token, and commits. */

import type { LogOperation } from "../base/operations.js";
import type { Steps } from "../base/steps.js";
import { wellFormed } from "../base/well-formed.js";
import { invalidArgument, show, TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { IndexPolicy } from "../schema.js";
import type { ConditionalCommitRequest, ConditionalGetRequest, ConditionalOperation } from "../service.js";
import { type GetPlan, planGet, planWrite } from "./plan.js";
import { validateIds } from "./validate/records.js";
import { validateArray, validateObject } from "./validate/values.js";

export interface ConditionalGetPlan extends GetPlan {
  /** `null`: the read is of the present. */
  token: number | null;
  /** Ids that alone can be read; `null`: any. */
  ids: ReadonlySet<string> | null;
}

/** What a commit depends on. */
export interface CommitPlan {
  /** `null`: on nothing. */
  token: number | null;
  /** Ids that nobody may have written at or after the token. */
  ids: ReadonlySet<string>;
  /** Ids that the operations name, as often as they do. */
  written: number;
}

export function planConditionalGet(request: ConditionalGetRequest, indexes: IndexPolicy): ConditionalGetPlan {
  const { version, readToken, ids } = request;
  if (version !== undefined) throw invalidArgument(`A conditional get reads the present, and takes no version, got ${show(version)}`);
  const plan = planGet(request, indexes);
  return { ...plan, token: planToken(readToken), ids: ids === undefined ? null : new Set(ids) };
}

/** What is known of a commit without looking into what it writes; `null`: it writes nothing. */
export function planCommit(request: ConditionalCommitRequest): CommitPlan | null {
  const { readIds, operations } = request;
  validateArray(readIds, "readIds");
  validateArray(operations, "operations");
  const written = operations.flatMap((operation, i) => idsNamed(operation, `operations[${i}]`));
  checkCount(written.length);
  if (operations.length === 0) return null;
  const token = planToken(request.readToken);
  if (readIds.length > 0) validateIds(readIds, "readIds");
  if (readIds.length > 0 && token === null) throw invalidArgument("conditional commit with read_ids requires read_token");
  return { token, ids: new Set(readIds.concat(written)), written: written.length };
}

/** Validates one operation, but for its dimension (`checkDimension`); returns it as it is to be logged. */
export function* planOperation(operation: ConditionalOperation, collectionId: string): Steps<LogOperation> {
  if (operation.operation === "delete") {
    // Half of a surrogate pair is in no id of a record, and would be in another one when it is read from the log.
    return { kind: "delete", ids: operation.ids.filter((id) => wellFormed(id) === id) };
  }
  return { kind: "write", operation: operation.operation, records: yield* planWrite({ collectionId, ...operation }) };
}

function idsNamed(operation: ConditionalOperation, argument: string): string[] {
  validateObject(operation, argument);
  if (operation.operation !== "delete") validateObject(operation.records, `${argument}.records`);
  const ids = operation.operation === "delete" ? operation.ids : operation.records.ids;
  validateIds(ids, `${argument}.ids`);
  return ids;
}

function checkCount(count: number): void {
  const allowed = limits.transactionRecordsMax;
  if (count <= allowed) return;
  const message = `A transaction of ${count} records exceeds the ${allowed} allowed (transactionRecordsMax)`;
  throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "transactionRecordsMax", allowed } });
}

function planToken(token: unknown): number | null {
  if (token === undefined || token === null) return null;
  if (Number.isSafeInteger(token) && (token as number) >= 0) return token as number;
  throw invalidArgument(`readToken must be a token that a conditional get answered with, got ${show(token)}`);
}
