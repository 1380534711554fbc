/**
 * One run of a reembedding: which records of the collection still lack an embedding of the new model.
 *
 * What there is is durable in the collection that gathers it: id, embedding, and in place of the uri the digest of the document that
 * it was made of. So a run needs to remember nothing: whoever begins again looks at every record, and passes over those whose digest
 * is still that of their document. Records that are written meanwhile are looked at again.
 *
 * Invariant: a record is neither to do nor taken only if its document is the one that its gathered embedding was made of.
 */
import { Bitmap } from "../base/bitmap.js";
import { operationsOf } from "../base/operations.js";
import { sha256Hex } from "../base/sha256.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import { encodeStrings } from "../blockstore/utf8.js";
import type { Applied } from "../collection/applied-listeners.js";
import type { CollectionState } from "../collection/collection-state.js";
import { invalidArgument, show } from "../errors.js";
import { limits } from "../limits.js";
import type { ReembeddingBatch } from "../service.js";

/** Records looked at in one go, under the collection's shared lock. */
const LOOKED_AT_ONCE = 64;
/** Ids that an error names. */
const EXAMPLES = 3;

/** A record without an embedding of its document. */
interface Lacking {
  ordinal: number;
  id: string;
  document: string;
  digest: string;
}

export class Reembedding {
  /** Another object once ordinals mean others: then every record is to be looked at. */
  #numbering: object | null = null;
  #todo = new Bitmap();
  /** Digests of the documents that are being embedded, by id. */
  readonly #taken = new Map<string, string>();

  /** Takes note of what was written to the collection. */
  note({ state, record, effects }: Applied): void {
    for (const operation of operationsOf(record)) {
      if (operation.kind === "delete") for (const id of operation.ids) this.#taken.delete(id);
    }
    for (const { written, deleted } of effects) {
      for (const [ordinal, { document }, id] of written) {
        this.#todo.add(ordinal);
        if (document !== undefined && state.records.live.has(ordinal)) this.#taken.delete(id);
      }
      for (const ordinal of deleted) this.#todo.delete(ordinal);
    }
  }

  /** Whether every record has its embedding. True for good while nobody writes. */
  isComplete(state: CollectionState): boolean {
    return this.#isAligned(state) && this.#taken.size === 0 && this.#todo.count() === 0;
  }

  #isAligned({ records }: CollectionState): boolean {
    return this.#numbering === records.numbering;
  }

  /** The next records to be embedded, up to a number and `reembedBatchBytes` of text. Stops early where it looks at many in vain. */
  async take(state: CollectionState, gathered: CollectionState, count: number, tick: Tick): Promise<ReembeddingBatch> {
    const batch: Lacking[] = [];
    let bytes = 0;
    for (let looks = 0; looks < limits.reembedLooksMax && batch.length < count && bytes < limits.reembedBatchBytes; looks++) {
      const found = await state.read(() => this.#look(state, gathered, count - batch.length, tick));
      if (found === null) break;
      batch.push(...found);
      bytes += found.reduce((sum, { document }) => sum + 2 * document.length, 0);
      await tick();
    }
    const total = state.count;
    return {
      ids: batch.map(({ id }) => id),
      documents: batch.map(({ document }) => document),
      digests: batch.map(({ digest }) => digest),
      done: Math.max(0, total - this.#todo.count() - this.#taken.size),
      total,
      isLast: this.#todo.count() === 0,
    };
  }

  /** Takes those of the next records that lack theirs; `null` where none is left to look at. */
  async #look(state: CollectionState, gathered: CollectionState, most: number, tick: Tick): Promise<Lacking[] | null> {
    if (!this.#isAligned(state)) this.#beginAgain(state);
    const ordinals = first(this.#todo, Math.min(most, LOOKED_AT_ONCE));
    if (ordinals.length === 0) return null;
    const read = await documentsAt(state, ordinals, tick);
    refuseWithout(
      state,
      read.filter(({ document }) => document === null).map(({ id }) => id),
    );
    const known = await digestsOf(
      gathered,
      read.map(({ id }) => id),
    );
    const lacking: Lacking[] = [];
    for (const [i, { ordinal, id, document, digest }] of read.entries()) {
      this.#todo.delete(ordinal);
      if (digest === known[i] || digest === this.#taken.get(id)) continue;
      this.#taken.set(id, digest);
      lacking.push({ ordinal, id, document: document!, digest });
    }
    return lacking;
  }

  #beginAgain({ records }: CollectionState): void {
    this.#todo = records.live.clone();
    this.#numbering = records.numbering;
  }

  /** The embeddings of these documents are durable. */
  settle(ids: readonly string[], digests: readonly string[]): void {
    for (const [i, id] of ids.entries()) if (this.#taken.get(id) === digests[i]) this.#taken.delete(id);
  }
}

/** A record's document with its digest, which is "" where there is none. */
interface Digested {
  ordinal: number;
  id: string;
  document: string | null;
  digest: string;
}

/** The documents of live records. Under the shared lock. */
export async function documentsAt({ records }: CollectionState, ordinals: Uint32Array, tick: Tick): Promise<Digested[]> {
  const documents = await records.documents(ordinals);
  const ids = await records.ids(ordinals);
  const read: Digested[] = [];
  for (const [i, ordinal] of ordinals.entries()) {
    const document = documents[i]!;
    const digest = document === null ? "" : await inTurns(sha256Hex(encodeStrings([document]).bytes), tick);
    read.push({ ordinal, id: ids[i]!, document, digest });
    await tick();
  }
  return read;
}

/** What the embeddings gathered for these ids were made of; `undefined` where there is none. */
function digestsOf(gathered: CollectionState, ids: readonly string[]): Promise<(string | undefined)[]> {
  return gathered.read(async () => {
    const { records } = gathered;
    const found = (await records.find(ids)).ordinals;
    const ordinals = ids.map((id) => found.get(id));
    const payloads = await records.payloads(ordinals.filter((ordinal) => ordinal !== undefined));
    let next = 0;
    return ordinals.map((ordinal) => (ordinal === undefined ? undefined : (payloads[next++]!.uri ?? undefined)));
  });
}

/** The first members, ascending. */
export function first(ordinals: Bitmap, most: number, from = 0): Uint32Array {
  const found: number[] = [];
  for (const ordinal of ordinals.values(from)) {
    if (found.length === most) break;
    found.push(ordinal);
  }
  return Uint32Array.from(found);
}

/** Refuses a collection of which records lack a document, before anything is written. */
export async function checkDocuments(state: CollectionState, tick: Tick): Promise<void> {
  const without: string[] = [];
  for (let from = 0; ; ) {
    const ordinals = await state.read(async () => {
      const next = first(state.records.live, LOOKED_AT_ONCE, from);
      const documents = await state.records.documents(next);
      without.push(...(await state.records.ids(next.filter((_, i) => documents[i] === null))));
      return next;
    });
    if (ordinals.length === 0) break;
    from = ordinals.at(-1)! + 1;
    await tick();
  }
  refuseWithout(state, without);
}

function refuseWithout({ row }: CollectionState, without: readonly string[]): void {
  if (without.length === 0) return;
  const [count, examples] = [without.length, without.slice(0, EXAMPLES)];
  const what = count === 1 ? "a record" : `${count} records`;
  const error = invalidArgument(
    `Collection [${row.name}] has ${what} without a document, which no embedding function can embed, such as ` +
      `${examples.map(show).join(", ")}: give them documents, or delete them, and call reembed again`,
  );
  throw Object.assign(error, { details: { count, ids: examples } });
}
