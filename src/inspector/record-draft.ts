/** A record as it is edited: texts, and what of them is to be written. */
import type { Collection } from "../api/collection.js";
import { invalidArgument } from "../core/errors.js";
import type { Metadata, MetadataPatch } from "../core/types.js";
import { isObject, parseJson, written } from "./json-text.js";
import type { Readable } from "./record-pages.js";

export interface RecordDraft {
  id: string;
  document: string;
  /** JSON. */
  metadata: string;
  uri: string;
  /** JSON. */
  embedding: string;
}

export const EMPTY_DRAFT: RecordDraft = { id: "", document: "", metadata: "", uri: "", embedding: "" };

/** A record as it is stored; `null` where there is none. */
export async function draftOf(source: Readable, id: string): Promise<RecordDraft | null> {
  const found = await source.get({ ids: [id], include: ["documents", "metadatas", "uris", "embeddings"] });
  const [row] = found.rows();
  if (row === undefined) return null;
  const { document, metadata, uri, embedding } = row;
  return { id, document: document ?? "", metadata: written(metadata), uri: uri ?? "", embedding: JSON.stringify(embedding ?? []) };
}

/** What cannot be written, by its field; what is no JSON is told by the field itself. */
export function faultsOf({ metadata, embedding }: RecordDraft): { metadata: string | undefined; embedding: string | undefined } {
  const [first, second] = [parseJson(metadata), parseJson(embedding)];
  const isVector = Array.isArray(second.value) && second.value.every((value) => typeof value === "number");
  return {
    metadata: first.fault?.message ?? (first.value == null || isObject(first.value) ? undefined : "Metadata is an object"),
    embedding: second.fault?.message ?? (second.value == null || isVector ? undefined : "An embedding is a list of numbers"),
  };
}

/** Writes what differs from what was stored, `null`: all of a new record. What it did, for people. */
export async function save(collection: Collection, stored: RecordDraft | null, draft: RecordDraft): Promise<string> {
  if (stored === null) return create(collection, draft);
  const { id } = stored;
  const changes = changesOf(stored, draft);
  if (Object.keys(changes).length === 0) return `Nothing of ${id} has changed`;
  await collection.update({ ids: [id], ...changes });
  return `Saved ${id}`;
}

/** `add` leaves what is there as it is, and says nothing. */
async function create(collection: Collection, draft: RecordDraft): Promise<string> {
  const { id } = draft;
  if ((await collection.get({ ids: [id], include: [] })).ids.length > 0) throw invalidArgument(`there is a record ${JSON.stringify(id)}`);
  await collection.add({ ids: [id], ...changesOf(EMPTY_DRAFT, draft) });
  return `Added ${id}`;
}

/** In columns of one record. */
interface Changes {
  documents?: string[];
  metadatas?: MetadataPatch[];
  uris?: string[];
  embeddings?: number[][];
}

function changesOf(stored: RecordDraft, draft: RecordDraft): Changes {
  const changes: Changes = {};
  if (draft.document !== stored.document) changes.documents = [draft.document];
  if (draft.uri !== stored.uri) changes.uris = [draft.uri];
  if (draft.metadata !== stored.metadata) changes.metadatas = [patchOf(stored.metadata, draft.metadata)];
  if (draft.embedding !== stored.embedding) changes.embeddings = [(parseJson(draft.embedding).value ?? []) as number[]];
  return changes;
}

/** Metadata is merged, so keys that were taken out are named. */
function patchOf(before: string, after: string): MetadataPatch {
  const [old, now] = [before, after].map((text) => (parseJson(text).value ?? {}) as Metadata) as [Metadata, Metadata];
  const gone = Object.keys(old).filter((key) => !(key in now));
  return { ...now, ...Object.fromEntries(gone.map((key) => [key, null])) };
}
