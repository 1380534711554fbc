/** What the contract's cases need to know of where the databases are: in a page, behind a gateway, or on a Chroma server. */
import assert from "node:assert/strict";
import { type ErrorCode, TidepoolClient, TidepoolError } from "tidepool-db";

/** What not every home can. Where it cannot, the call is `NOT_SUPPORTED` by name. */
export type Ability = "fork" | "search" | "sparse" | "transactions" | "indexing status" | "own calls";

export interface Home {
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  /** A client of the default database. The home closes it. */
  readonly client: TidepoolClient;
}

/** One of the contract's promises, kept in each home. */
export interface ContractCase {
  name: string;
  run(home: Home): Promise<void>;
}

let names = 0;

/** Of a tenant, database or collection that nothing else has. */
export function freshName(kind: string): string {
  return `${kind}-${Date.now().toString(36)}-${++names}`;
}

/** A client of a database that is empty and the case's own. */
export function inDatabase(home: Home, tenant: string, database: string): TidepoolClient {
  return new TidepoolClient({ client: home.client, tenant, database });
}

/** Rejects with this code, as an error of the package. */
export async function rejects(call: Promise<unknown>, code: ErrorCode, message = /./): Promise<TidepoolError> {
  const error = await call.then(
    (value) => assert.fail(`expected ${code}, got ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof TidepoolError, `${String(error)} is no TidepoolError`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return error;
}

/** The call's answer where the home can; otherwise `null`, and it has said so by name. */
export async function whereAble<T>(home: Home, ability: Ability, name: RegExp, call: () => Promise<T>): Promise<T | null> {
  if (home.abilities.has(ability)) return call();
  await rejects(call(), "NOT_SUPPORTED", name);
  return null;
}

/** Equal numbers as float32 has them. */
export function near(actual: readonly (number | null)[] | undefined, expected: readonly number[]): void {
  assert.deepEqual(
    actual?.map((value) => Math.round((value ?? Number.NaN) * 1e4) / 1e4),
    expected,
  );
}
