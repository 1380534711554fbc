/** From where to where a collection is copied, and what is read and written there. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateText } from "../../core/gateway/validate/values.js";
import type { CollectionInfo, RecordColumns } from "../../core/types.js";
import { TidepoolClient } from "../client.js";
import { readObject } from "../read-arguments.js";

/** A file that a copy was written to. */
export type CopyFile = Blob | Uint8Array<ArrayBuffer>;

/** A collection of a client's database, in the browser or on a server; or of a file, whose only collection needs no name. */
export type CopyFrom =
  | {
      /** Of the collection's database. */
      client: TidepoolClient;
      /** The collection's name. */
      name: string;
    }
  | {
      /** What a copy was written to. */
      file: CopyFile;
      /** Which collection of the file; needed where it has several. */
      name?: string;
    };

/** A client's database, and the name that the copy gets there, by default its own; or a file. */
export type CopyTo =
  | {
      /** Of the database that gets the copy. */
      client: TidepoolClient;
      /** The copy's name. Default: the source's. */
      name?: string;
    }
  | {
      /** Gets the copy, and is closed, or aborted where the copy fails. */
      file: WritableStream<Uint8Array<ArrayBuffer>>;
    };

/** How far a copy is. */
export interface CopyProgress {
  /** The collection's name at its source. */
  collection: string;
  /** Whether records are written, or compared with those of the source. */
  phase: "copying" | "verifying";
  /** Records that this phase is done with. */
  done: number;
  /** All records of the collection. */
  total: number;
}

/** Arguments of `copyCollection`. */
export interface CopyOptions {
  /** The collection to be copied. */
  from: CopyFrom;
  /** Where to. A name that is taken there is refused. */
  to: CopyTo;
  /** Told after each part. */
  onProgress?: (progress: CopyProgress) => void;
  /** Ends the copy with `ABORTED`. What is copied stays, under the name of an unfinished copy: the next call goes on with it. */
  signal?: AbortSignal;
}

/** What was copied. */
export interface CopyReport {
  /** The copy's name. */
  name: string;
  /** Records in it. */
  records: number;
  /** Records of them that an earlier call, which was interrupted, had copied. */
  resumedAt: number;
  /** SHA-256 over ids, documents, metadata and URIs in their order: the same for every copy, wherever it is. */
  digest: string;
  /** What the target cannot keep, by name, such as "configuration.text" on a server. */
  leftOut: string[];
}

/** What a copy tells, and what ends it. */
export type How = Pick<CopyOptions, "onProgress" | "signal">;

/** What a collection is, without its records. */
export type Described = Pick<CollectionInfo, "name" | "metadata" | "configuration" | "schema">;

/** A collection to be read, the same records each time. */
export interface CopySource {
  readonly described: Described;
  /** Records in it. */
  readonly count: number;
  /** In insertion order, from a record on. */
  pages(from: number, signal: AbortSignal | undefined): AsyncGenerator<RecordColumns, void, undefined>;
  end(): Promise<void>;
}

export function readFrom(from: CopyFrom): CopyFrom {
  const given = readObject(from, "from", "client name file");
  if ("file" in given && given.file !== undefined) {
    const { file, name } = given;
    if (!(file instanceof Blob || file instanceof Uint8Array))
      throw invalidArgument(`from.file must be a Blob or a Uint8Array, got ${show(file)}`);
    if (name !== undefined) validateText(name, "from.name");
    return { file, ...(name === undefined ? {} : { name }) };
  }
  const { client, name } = given as { client: TidepoolClient; name: string };
  validateText(name, "from.name");
  return { client: readClient(client, "from.client"), name };
}

export function readTo(to: CopyTo): CopyTo {
  const given = readObject(to, "to", "client name file");
  if ("file" in given && given.file !== undefined) {
    if (typeof given.file?.getWriter !== "function") throw invalidArgument(`to.file must be a WritableStream, got ${show(given.file)}`);
    return { file: given.file };
  }
  const { client, name } = given as { client: TidepoolClient; name?: string };
  if (name !== undefined) validateText(name, "to.name");
  return { client: readClient(client, "to.client"), ...(name === undefined ? {} : { name }) };
}

export function readClient(client: unknown, argument: string): TidepoolClient {
  if (client instanceof TidepoolClient) return client;
  throw invalidArgument(`${argument} must be a TidepoolClient, got ${show(client)}`);
}
