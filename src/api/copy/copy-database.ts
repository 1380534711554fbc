/** `copyDatabase`: one collection after the other, each whole or not there. */
import { TidepoolError } from "../../core/errors.js";
import type { CollectionInfo } from "../../core/types.js";
import type { TidepoolClient } from "../client.js";
import { readArguments, readObject } from "../read-arguments.js";
import { homeOf, readCollection, UNFINISHED } from "./client-home.js";
import { copyInto, readHow, sameContents } from "./copy-collection.js";
import { readFiles, writeCollection, writingTo } from "./copy-file.js";
import { type CopyFile, type CopyReport, type CopySource, type How, readClient, readFrom, readTo } from "./copy-places.js";

/** Arguments of {@link copyDatabase}. */
export interface CopyDatabaseOptions extends How {
  /** A client, for the database that its calls concern; or a file that `copyDatabase` has written. */
  from:
    | {
        /** Of the database that is copied. */
        client: TidepoolClient;
      }
    | {
        /** What `copyDatabase` has written. */
        file: CopyFile;
      };
  /** Where to: a client's database, which has to be there; or a file. */
  to:
    | {
        /** Of the database that gets the collections. */
        client: TidepoolClient;
      }
    | {
        /** Gets all collections, and is closed, or aborted where the copy fails. */
        file: WritableStream<Uint8Array<ArrayBuffer>>;
      };
}

/** What was copied, and what was not. */
export interface DatabaseCopyReport {
  /** Of each collection, in the order in which the source lists them. */
  collections: CopyReport[];
  /** Names of collections of the source that are unfinished copies themselves, and were passed over. */
  passedOver: string[];
}

/** Collections that are listed at once. */
const LISTED_AT_ONCE = 100;

/**
 * Copies all collections of a database, as `copyCollection` copies each. Where it was interrupted it is made again: collections that are
 * there and have the same contents are left as they are, and the one that was under way goes on.
 *
 * @throws As `copyCollection`; `ALREADY_EXISTS` where a collection of the target has the name of one of the source and other contents.
 */
export async function copyDatabase(args: CopyDatabaseOptions): Promise<DatabaseCopyReport> {
  const { from, to, how } = readArguments("copyDatabase", () => readCopy(args));
  const { opened, passedOver } = "file" in from ? await fromFile(from.file) : await fromClient(from.client, how);
  const copyAll = async (copy: (source: CopySource) => Promise<CopyReport>): Promise<DatabaseCopyReport> => {
    const collections: CopyReport[] = [];
    for (const open of opened) {
      const source = await open();
      collections.push(await copy(source).finally(() => source.end()));
    }
    return { collections, passedOver };
  };
  if ("file" in to) return writingTo(to.file, (write) => copyAll((source) => writeCollection(source, write, how)));
  return copyAll((source) => copyUnlessThere(source, to.client, how));
}

function readCopy(args: CopyDatabaseOptions) {
  const { from, to, onProgress, signal } = readObject(args, "copyDatabase", "from to onProgress signal");
  const fromFileGiven = readObject(from as { file?: CopyFile }, "from", "client file").file !== undefined;
  const toFileGiven = readObject(to as { file?: WritableStream }, "to", "client file").file !== undefined;
  const source = fromFileGiven ? (readFrom(from as { file: CopyFile }) as { file: CopyFile }) : { client: clientOf(from, "from.client") };
  const target = toFileGiven
    ? (readTo(to as never) as Extract<CopyDatabaseOptions["to"], { file: unknown }>)
    : { client: clientOf(to, "to.client") };
  return { from: source, to: target, how: readHow({ onProgress, signal } as How) };
}

function clientOf(place: object, argument: string): TidepoolClient {
  return readClient((place as { client?: unknown }).client, argument);
}

interface Opened {
  opened: (() => Promise<CopySource>)[];
  passedOver: string[];
}

async function fromFile(file: CopyFile): Promise<Opened> {
  return { opened: (await readFiles(file)).map((source) => async () => source), passedOver: [] };
}

async function fromClient(client: TidepoolClient, { signal }: How): Promise<Opened> {
  const names = (await listAll(client, signal)).map(({ name }) => name);
  const whole = names.filter((name) => !name.startsWith(UNFINISHED));
  return {
    opened: whole.map((name) => () => readCollection(client, name, signal)),
    passedOver: names.filter((name) => name.startsWith(UNFINISHED)),
  };
}

async function listAll(client: TidepoolClient, signal: AbortSignal | undefined): Promise<CollectionInfo[]> {
  const { connection, scope } = homeOf(client);
  const all: CollectionInfo[] = [];
  for (;;) {
    const page = { limit: LISTED_AT_ONCE, offset: all.length };
    const some = await connection.call("listCollections", { ...scope, ...page }, { signal });
    all.push(...some);
    if (some.length < LISTED_AT_ONCE) return all;
  }
}

/** One that an earlier call has copied is compared, and left as it is. */
async function copyUnlessThere(source: CopySource, client: TidepoolClient, how: How): Promise<CopyReport> {
  const { name } = source.described;
  const there = await readCollection(client, name, how.signal).catch((error: TidepoolError) => {
    if (error.code === "NOT_FOUND") return null;
    throw error;
  });
  if (there === null) return copyInto(source, { client }, how);
  try {
    const digest = await sameContents(source, there, name, how, () => undefined);
    return { name, records: source.count, resumedAt: source.count, digest, leftOut: [] };
  } catch (error) {
    if (!(error instanceof TidepoolError) || error.code !== "CONFLICT") throw error;
    throw new TidepoolError("ALREADY_EXISTS", `Collection [${name}] already exists, with other contents`, { cause: error });
  } finally {
    await there.end();
  }
}
