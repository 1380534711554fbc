/**
 * Long documents in a collection: each is stored as its passages, which are records of their own, and is replaced and deleted as a
 * whole. Loaded with the first call, since most pages have none.
 *
 * Invariant: the passages of a document come from one text. What replaces them names the records that it found, and is committed only
 * where nobody has written these, or the new ones, since: else it looks again.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { ConditionalOperation } from "../../core/service.js";
import type { CollectionSchema, Metadata, MetadataOf } from "../../core/types.js";
import { aborted, orAborted, readCallLimits } from "../call-limits.js";
import { readArguments, readObject } from "../read-arguments.js";
import { saysAgain, type TransactionHome } from "../transaction-rules.js";
import { readCollectionMetadata } from "../write.js";
import type { Nullable } from "../write-arguments.js";
import { type ChunkOptions, type ChunkPlan, type Passage, passagesOf, readChunkOptions } from "./chunk.js";
import { inSlices } from "./steps.js";

/** Metadata keys that are set on each passage, and are not the caller's to give. */
const PASSAGE_KEYS = ["document_id", "passage_index", "passage_start", "passage_end", "passage_headings"] as const;

/** Metadata keys that `collection.addDocument` sets on each passage. */
export type PassageKey = (typeof PASSAGE_KEYS)[number];

/** Arguments of `collection.addDocument`. */
export interface AddDocumentArguments<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** A non-empty string, well-formed Unicode. The passages are the records `<id>#0`, `<id>#1`, … */
  id: string;
  /** The whole text. One without a word has no passages. */
  text: string;
  /** Metadata of every passage, without the keys of {@link PassageKey}. Keys whose value is `null` are left out. */
  metadata?: Omit<Nullable<TMeta>, PassageKey> | null;
  /** Uri of every passage. */
  uri?: string | null;
  /** How the text is divided, as {@link chunk} does. */
  chunk?: ChunkOptions;
  /** Ends the call when it fires before the document is sent: it rejects with `ABORTED`, and nothing is written. */
  signal?: AbortSignal;
}

/** Arguments of `collection.deleteDocument`. */
export interface DeleteDocumentArguments {
  /** The document's id, as it was given to `addDocument`. */
  id: string;
  /** Ends the call when it fires before the deletion is sent: it rejects with `ABORTED`, and nothing is deleted. */
  signal?: AbortSignal;
}

/** What `collection.addDocument` did. */
export interface AddDocumentResult {
  /** Passages of the document. */
  added: number;
  /** Passages of the document that was there before, all of them deleted. */
  deleted: number;
}

/** What the documents ask of their collection. */
export interface DocumentHome extends Pick<TransactionHome, "get" | "prepare" | "commit"> {
  schema: CollectionSchema;
  /** Resolves when every earlier call has sent what it writes. */
  before: Promise<void>;
}

interface Found {
  ids: string[];
  readToken: number | null;
}

/** Records read at once where there is no index to ask. */
const READ_AT_ONCE = 1000;

export async function addDocument(args: AddDocumentArguments, home: DocumentHome): Promise<AddDocumentResult> {
  const { plan, ...document } = readArguments("addDocument", () => readAdd(args));
  const passages = await inSlices(passagesOf(document.text, plan), document.signal);
  if (passages.length > limits.documentPassagesMax) throw tooMany(document.id, passages.length);
  const added = await prepared(document, passages, home);
  const deleted = await replace(document, added, home);
  return { added: passages.length, deleted };
}

export async function deleteDocument(args: DeleteDocumentArguments, home: DocumentHome): Promise<{ deleted: number }> {
  const document = readArguments("deleteDocument", () => {
    const given = readObject(args, "deleteDocument", "id signal");
    return { id: readId(given.id), ...readSignal(given) };
  });
  return { deleted: await replace(document, [], home) };
}

function readAdd(args: AddDocumentArguments): AddDocumentArguments & { plan: ChunkPlan } {
  const given = readObject(args, "addDocument", "id text metadata uri chunk signal");
  const { id, text, metadata, uri = null, chunk = {}, signal } = given;
  if (uri !== null && typeof uri !== "string") throw invalidArgument(`uri must be a string or null, got ${show(uri)}`);
  const kept = readCollectionMetadata(metadata);
  const reserved = PASSAGE_KEYS.find((key) => kept !== null && Object.hasOwn(kept, key));
  if (reserved !== undefined) {
    throw invalidArgument(`metadata has the key ${show(reserved)}, which addDocument sets itself, as ${PASSAGE_KEYS.join(", ")}`);
  }
  const plan = readChunkOptions(chunk, text, "chunk of addDocument");
  return { id: readId(id), text, metadata: kept, uri, plan, ...readSignal({ signal }) };
}

function readSignal(given: { signal?: AbortSignal }): { signal?: AbortSignal } {
  const { signal } = readCallLimits(given);
  return signal === undefined ? {} : { signal };
}

function readId(id: unknown): string {
  // Half of a surrogate pair is stored as another character: the document would not be found by its id.
  if (typeof id === "string" && id !== "" && !/\p{Surrogate}/u.test(id)) return id;
  throw invalidArgument(`id must be a non-empty string of well-formed Unicode, got ${show(id)}`);
}

/** The passages as they are to be added, in as few operations as there may be. */
async function prepared(document: AddDocumentArguments, passages: Passage[], home: DocumentHome): Promise<ConditionalOperation[]> {
  const { id, metadata, uri, signal } = document;
  const operations: ConditionalOperation[] = [];
  for (let start = 0; start < passages.length; start += limits.batchRecordsMax) {
    const part = passages.slice(start, start + limits.batchRecordsMax);
    const records = await home.prepare("add", {
      ids: part.map((_, i) => passageId(id, start + i)),
      documents: part.map(({ text }) => text),
      metadatas: part.map((passage, i) => ({ ...metadata, ...metadataOf(id, start + i, passage) })),
      uris: part.map(() => uri),
      ...(signal && { signal }),
    });
    operations.push({ operation: "add", records });
  }
  return operations;
}

function passageId(id: string, index: number): string {
  return `${id}#${index}`;
}

function metadataOf(id: string, index: number, { start, end, headings }: Passage): { [K in PassageKey]?: Metadata[string] } {
  const place = { document_id: id, passage_index: index, passage_start: start, passage_end: end };
  return headings.length === 0 ? place : { ...place, passage_headings: headings };
}

/** Deletes what there is of the document and adds what is given, in one moment. The number of records deleted. */
async function replace({ id, signal }: DeleteDocumentArguments, added: ConditionalOperation[], home: DocumentHome): Promise<number> {
  await orAborted(home.before, signal);
  for (let tries = 1; ; tries++) {
    try {
      return await tryToReplace({ id, ...readSignal({ signal }) }, added, home);
    } catch (error) {
      if (!saysAgain(error) || tries === limits.documentTriesMax) throw error;
    }
  }
}

async function tryToReplace({ id, signal }: DeleteDocumentArguments, added: ConditionalOperation[], home: DocumentHome): Promise<number> {
  const { ids, readToken } = await find(id, home, signal);
  await refuseForeign(ids, added, readToken, home, signal);
  if (signal?.aborted) throw aborted(signal);
  const deleted: ConditionalOperation[] = ids.length === 0 ? [] : [{ operation: "delete", ids }];
  const operations = [...deleted, ...added];
  if (operations.length > 0) await home.commit({ readToken, readIds: ids, operations });
  return ids.length;
}

/** The records of the document. Where the schema leaves their key out of the index, every record is looked at. */
async function find(id: string, home: DocumentHome, signal: AbortSignal | undefined): Promise<Found> {
  const within = readSignal({ signal });
  if (isIndexed(home.schema)) {
    return home.get({ where: { document_id: id }, include: [] }, within);
  }
  const found: Found = { ids: [], readToken: null };
  for (let offset = 0; ; offset += READ_AT_ONCE) {
    const page = { limit: READ_AT_ONCE, offset, include: ["metadatas" as const], readToken: found.readToken };
    const { ids, metadatas, readToken } = await home.get(page, within);
    found.readToken = readToken;
    found.ids.push(...ids.filter((_, i) => metadatas?.[i]?.["document_id"] === id));
    if (ids.length < READ_AT_ONCE) return found;
  }
}

/** As `IndexPolicy` of the engine says, which would bring all of its schemas along. */
function isIndexed({ keys, defaults }: CollectionSchema): boolean {
  return (keys["document_id"]?.string?.string_inverted_index ?? defaults.string?.string_inverted_index)?.enabled ?? true;
}

/** A record that is no passage of the document, and has the id of one, is not ours to overwrite. */
async function refuseForeign(
  own: string[],
  added: ConditionalOperation[],
  readToken: number | null,
  home: DocumentHome,
  signal: AbortSignal | undefined,
): Promise<void> {
  const known = new Set(own);
  const named = added.flatMap((one) => (one.operation === "delete" ? [] : one.records.ids));
  const ids = named.filter((id) => !known.has(id));
  if (ids.length === 0) return;
  const [foreign] = (await home.get({ ids, include: [], readToken }, readSignal({ signal }))).ids;
  if (foreign === undefined) return;
  const message = `The record ${show(foreign)} exists, and is no passage of the document: delete it, or give the document another id`;
  throw new TidepoolError("ALREADY_EXISTS", message, { details: { id: foreign } });
}

function tooMany(id: string, actual: number): TidepoolError {
  const allowed = limits.documentPassagesMax;
  const message = `The document ${show(id)} has ${actual} passages, more than the ${allowed} allowed (documentPassagesMax)`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "documentPassagesMax", allowed, actual } });
}
