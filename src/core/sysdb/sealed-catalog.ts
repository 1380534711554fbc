/**
 * The catalog as rows that vouch for each other. A row's checksum binds it to its key (`row.ts`); here is what tells that a row
 * is missing, or is not the latest that was written under its key:
 *
 *     digest/<0…15> = {"rows": {<key>: <checksum>, …}}     of all rows whose key falls into the bucket
 *     spare/<key>   = the row once more                     of collections and manifests, without which no record can be found
 *
 * Every commit writes the digest of what it changes in its own transaction. A row that is damaged is read from its spare, where
 * that is as the digest says. Nothing is written on reading: a mended row is put back by the next commit that changes it, or
 * by a repair.
 */
import { crc32 } from "../base/checksum.js";
import { encodeUtf8 } from "../base/json-bytes.js";
import { hasSameItems } from "../base/same-items.js";
import { Serial } from "../base/serial.js";
import { TidepoolError } from "../errors.js";
import type { CatalogStore, CatalogTransaction } from "../storage.js";
import { digestKey, formatKey, spareKey } from "./catalog-keys.js";
import { checksumOf, decodeRow, encodeRow, isSound } from "./row.js";

/** What is wrong with one row. */
export interface RowDamage {
  key: string;
  /** Completes "Catalog row … ". */
  what: string;
  /** Whether nothing is lost: the row was read from its spare, or says nothing that the others do not. */
  isMended: boolean;
}

type Sums = Map<string, number>;

const BUCKETS = 16;
const SPARED = ["collection/", "manifest/"];

export class SealedCatalog {
  readonly damage: RowDamage[] = [];
  readonly #catalog: CatalogStore;
  readonly #commits = new Serial();
  readonly #sums: Sums[];
  /** Rows as they were found; those that are not as the digest says are left out, or replaced by their spare. */
  readonly #rows = new Map<string, Uint8Array>();
  /** What is stored under the keys of mended rows, for compare-and-set. */
  readonly #mended = new Map<string, Uint8Array | null>();

  private constructor(catalog: CatalogStore) {
    this.#catalog = catalog;
    this.#sums = Array.from({ length: BUCKETS }, () => new Map<string, number>());
  }

  /** Over a catalog of which no row is sealed yet. */
  static empty(catalog: CatalogStore): SealedCatalog {
    return new SealedCatalog(catalog);
  }

  /** Whether a row with this key is in the digest. */
  static seals(key: string): boolean {
    return isSealed(key);
  }

  static async read(catalog: CatalogStore): Promise<SealedCatalog> {
    const sealed = new SealedCatalog(catalog);
    sealed.#judge(new Map(await catalog.list("")));
    return sealed;
  }

  /** Sound rows whose key starts with the prefix, as they were on opening. */
  list(prefix: string): [key: string, bytes: Uint8Array][] {
    return [...this.#rows].filter(([key]) => key.startsWith(prefix));
  }

  /** Frees the memory of the rows that were read; what they said is known to those who asked. */
  forgetRows(): void {
    this.#rows.clear();
  }

  /** Damage of rows whose key starts with the prefix that could not be mended. */
  lost(prefix: string): RowDamage[] {
    return this.damage.filter(({ key, isMended }) => !isMended && key.startsWith(prefix));
  }

  commit(transaction: CatalogTransaction): Promise<void> {
    return this.#commits.run(() => this.#commit(transaction));
  }

  /** Writes the digests of these `buckets`, too, whether anything in them changes or not. */
  async #commit(transaction: CatalogTransaction, buckets: readonly number[] = []): Promise<void> {
    const { put, expect } = transaction;
    const { sums, rows } = this.#resealed(transaction, buckets);
    await this.#catalog.commit({
      ...transaction,
      put: new Map([...(put ?? []), ...sparesOf(put ?? new Map()), ...rows]),
      delete: (transaction.delete ?? []).flatMap((key) => (isSpared(key) ? [key, spareKey(key)] : [key])),
      ...(expect && {
        expect: new Map([...expect].map(([key, bytes]) => [key, this.#mended.has(key) ? this.#mended.get(key)! : bytes])),
      }),
    });
    for (const [bucket, changed] of sums) this.#sums[bucket] = changed;
    for (const key of [...(put?.keys() ?? []), ...(transaction.delete ?? []), ...rows.keys()]) this.#forget(key);
  }

  /** How many rows there are, and what is wrong with them now. */
  inspect(): Promise<{ rows: number; damage: readonly RowDamage[] }> {
    return this.#commits.run(async () => {
      const { rows, damage } = await this.#read();
      return { rows: rows.size, damage };
    });
  }

  /** Writes anew what is known from a second copy, spares and digests, and deletes what cannot be read and nobody would miss. */
  heal(): Promise<void> {
    // Nothing is committed between looking and writing: what is put back is the latest.
    return this.#commits.run(async () => {
      const { damage, ...now } = await this.#read();
      const mended = new Set(damage.filter(({ isMended }) => isMended).map(({ key }) => key));
      const buckets = Array.from({ length: BUCKETS }, (_, at) => at).filter((at) => mended.has(digestKey(at)));
      const isConcerned = (key: string): boolean => mended.has(key) || mended.has(spareKey(key)) || buckets.includes(bucketOf(key));
      const put = new Map([...now.rows].filter(([key]) => isConcerned(key)));
      const useless = damage.filter(({ key, isMended }) => !isMended && !isMissed(key)).map(({ key }) => key);
      if (put.size + useless.length + buckets.length > 0) await this.#commit({ put, delete: useless }, buckets);
    });
  }

  async #read(): Promise<{ damage: readonly RowDamage[]; rows: ReadonlyMap<string, Uint8Array> }> {
    const now = await SealedCatalog.read(this.#catalog);
    return { damage: now.damage, rows: now.#rows };
  }

  /** A row, or its spare, that is sound in itself although nothing vouches for its being the latest; `null` where there is none. */
  async unvouched(key: string): Promise<Uint8Array | null> {
    for (const stored of [key, spareKey(key)]) {
      const bytes = await this.#catalog.get(stored);
      if (bytes !== null && isSound(key, bytes)) return bytes;
    }
    return null;
  }

  #forget(key: string): void {
    this.#mended.delete(key);
    const left = this.damage.filter((row) => row.key !== key && row.key !== spareKey(key));
    this.damage.splice(0, Infinity, ...left);
  }

  /** The buckets with a transaction's changes in them, and their rows. */
  #resealed(
    { put, delete: deleted }: CatalogTransaction,
    buckets: readonly number[],
  ): { sums: Map<number, Sums>; rows: Map<string, Uint8Array> } {
    const sums = new Map<number, Sums>();
    const bucket = (key: string, at = bucketOf(key)): Sums => {
      const changed = sums.get(at) ?? new Map(this.#sums[at]);
      sums.set(at, changed);
      return changed;
    };
    for (const [key, bytes] of put ?? []) if (isSealed(key)) bucket(key).set(key, checksumOf(bytes));
    for (const key of deleted ?? []) bucket(key).delete(key);
    for (const at of buckets) bucket("", at);
    const rows = new Map([...sums].map(([at, changed]) => [digestKey(at), encodeDigest(digestKey(at), changed)]));
    return { sums, rows };
  }

  // ---- judging what is stored

  #judge(stored: ReadonlyMap<string, Uint8Array>): void {
    const keys = [...stored.keys()].filter(isSealed);
    for (let at = 0; at < BUCKETS; at++) {
      const ours = keys.filter((key) => bucketOf(key) === at);
      const sums = this.#readDigest(digestKey(at), stored.get(digestKey(at)), () => guessedSums(at, stored).size > 0);
      const known = sums ?? guessedSums(at, stored);
      this.#sums[at] = known;
      for (const key of new Set([...ours, ...known.keys()])) this.#judgeRow(key, known.get(key), stored);
    }
  }

  /** `null` when it cannot be used. */
  #readDigest(key: string, bytes: Uint8Array | undefined, isNeeded: () => boolean): Sums | null {
    if (bytes === undefined && !isNeeded()) return new Map();
    const what = bytes === undefined ? "is missing" : isSound(key, bytes) ? null : "fails its checksum";
    if (what !== null) this.damage.push({ key, what: `${what}; no other row can be missed by it`, isMended: true });
    return what === null ? this.#sumsIn(key, decodeRow(key, bytes!)) : null;
  }

  /** A checksum that is right says nothing of what it covers. */
  #sumsIn(key: string, digest: unknown): Sums | null {
    const { rows } = Object(digest) as { rows?: unknown };
    const sums = typeof rows === "object" && rows !== null && !Array.isArray(rows) ? Object.entries(rows) : null;
    if (sums?.every((entry): entry is [string, number] => Number.isInteger(entry[1]))) return new Map(sums);
    this.damage.push({ key, what: "is no digest; no other row can be missed by it", isMended: true });
    return null;
  }

  #judgeRow(key: string, sum: number | undefined, stored: ReadonlyMap<string, Uint8Array>): void {
    const bytes = stored.get(key);
    const what = sum === undefined ? "is not in the digest of the catalog" : wrongWith(key, bytes, sum);
    const spare = stored.get(spareKey(key));
    if (what === null) {
      this.#rows.set(key, bytes!);
      if (isSpared(key) && !(spare && hasSameItems(spare, bytes!)))
        this.damage.push({ key: spareKey(key), what: "is not as its row", isMended: true });
      return;
    }
    const isMended = sum !== undefined && wrongWith(key, spare, sum) === null;
    this.damage.push({ key, what, isMended });
    if (!isMended) return;
    this.#rows.set(key, spare!);
    this.#mended.set(key, bytes ?? null);
  }
}

/** Error of a row that could not be mended. */
export function rowError({ key, what }: Pick<RowDamage, "key" | "what">): TidepoolError {
  return new TidepoolError("CORRUPTION", `Catalog row "${key}" ${what}. Nothing was changed.`, { details: { key } });
}

function wrongWith(key: string, bytes: Uint8Array | undefined, sum: number): string | null {
  if (bytes === undefined) return "is missing";
  if (bytes.length < 4) return `has ${bytes.length} bytes`;
  if (!isSound(key, bytes)) return "fails its checksum";
  return checksumOf(bytes) === sum ? null : "is not the latest that was written";
}

/** The digest of a bucket as rows and spares would have it: of two that differ, the one that is sound. */
function guessedSums(bucket: number, stored: ReadonlyMap<string, Uint8Array>): Sums {
  const sums: Sums = new Map();
  const spares = [...stored.keys()].filter((key) => key.startsWith(spareKey(""))).map((key) => key.slice(spareKey("").length));
  // A stray spare of a digest must not seal that digest: its next change would be taken for damage.
  for (const key of new Set([...spares, ...stored.keys()].filter(isSealed))) {
    const row = stored.get(key);
    const best = row !== undefined && isSound(key, row) ? row : (stored.get(spareKey(key)) ?? row!);
    if (bucketOf(key) === bucket) sums.set(key, checksumOf(best));
  }
  return sums;
}

function sparesOf(put: ReadonlyMap<string, Uint8Array>): [key: string, bytes: Uint8Array][] {
  return [...put].filter(([key]) => isSpared(key)).map(([key, bytes]) => [spareKey(key), bytes]);
}

/** Rows of these kinds say what is there; of others it is known without them, or matters to nobody any more. */
function isMissed(key: string): boolean {
  return ["tenant/", "database/", "collection/", "manifest/", "version/", "staged/"].some((prefix) => key.startsWith(prefix));
}

function isSpared(key: string): boolean {
  return SPARED.some((prefix) => key.startsWith(prefix));
}

/** `format` is read before all else, `storage` and `generation` belong to the storage, and spares and digests seal the others. */
function isSealed(key: string): boolean {
  return key !== formatKey && key !== "storage" && key !== "generation" && !key.startsWith("digest/") && !key.startsWith("spare/");
}

function bucketOf(key: string): number {
  return crc32(encodeUtf8(key)) % BUCKETS;
}

function encodeDigest(key: string, sums: Sums): Uint8Array {
  return encodeRow(key, { rows: Object.fromEntries(sums) });
}
