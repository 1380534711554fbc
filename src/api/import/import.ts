/**
 * `collection.import`: rows of a source, one after the other, as records in batches, each written as by the caller's own `upsert` or `add`
 * before more is read. Each row goes in or is told with its reason. Loaded when it is first called.
 */
import { recordTextBytes } from "../../core/base/record-bytes.js";
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateAtLeast, validateFunction } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import { aborted, readCallLimits } from "../call-limits.js";
import { flattenMetadata } from "../flatten-metadata.js";
import { part } from "../part.js";
import { readArguments, readObject } from "../read-arguments.js";
import type { GetArguments } from "../read-requests.js";
import type { GetResult } from "../results.js";
import { Slice } from "../slice.js";
import type { AddArguments } from "../write-arguments.js";
import { ByteReader } from "./byte-reader.js";
import { checkRecord, type ImportedRecord } from "./check-record.js";
import { detectFormat } from "./detect-format.js";
import { FieldMapping, type RowRecord, readMapping, withValues } from "./field-mapping.js";
import type { ImportFormat, ImportOptions, ImportReport, ImportSource } from "./import-arguments.js";
import { readJson } from "./read-json.js";
import { readJsonLines } from "./read-json-lines.js";
import type { Fields, SourceRow, Warn } from "./source-row.js";

/** What a collection has for an import. */
interface ImportTarget {
  readonly dimension: number | undefined;
  get(args: GetArguments): Promise<GetResult>;
  add(args: AddArguments): Promise<void>;
  upsert(args: AddArguments): Promise<void>;
}

type Rows = AsyncGenerator<SourceRow, void, undefined>;
type Options = ReturnType<typeof readOptions>;

/** `wants` tells which fields can be of use. */
type Read = (reader: ByteReader, warn: Warn, wants: (name: string) => boolean) => Promise<Rows>;

const READERS: { readonly [F in ImportFormat]: Read } = {
  jsonl: async (reader) => readJsonLines(reader),
  json: async (reader, warn) => readJson(reader, warn),
  csv: async (reader, warn) => (await part(import("./read-csv.js"))).readCsv(reader, warn),
  parquet: async (reader, warn, wants) => (await part(import("./read-parquet.js"))).readParquet(reader, warn, wants),
  arrow: async (reader, warn, wants) => (await part(import("./read-arrow.js"))).readArrow(reader, warn, wants),
  npy: async (reader) => (await part(import("./read-npy.js"))).readNpy(reader),
};

/** Bytes of records that are sent together, about. */
const BATCH_BYTES = 4 * 1024 * 1024;
/** Keys that a warning names. */
const DROPPED_SHOWN_MAX = 20;

/**
 * Imports all rows, or rejects with what it has come to.
 *
 * @internal
 */
export async function importRecords(source: ImportSource, options: ImportOptions, collection: ImportTarget): Promise<ImportReport> {
  const read = readArguments("import", () => readOptions(options));
  const reader = await ByteReader.open(source, read.signal);
  try {
    const format = read.format === "auto" ? detectFormat(await reader.head()) : read.format;
    return await new Import(collection, read, reader, format).run();
  } finally {
    await reader.end();
  }
}

function readOptions(options: ImportOptions) {
  const given = readObject(options, "import", "format mapping metadata mode startAt signal onProgress");
  const { format = "auto", mapping = {}, metadata, mode = "upsert", startAt = 1, signal, onProgress } = given;
  if (format !== "auto" && !Object.hasOwn(READERS, format)) {
    throw invalidArgument(`format must be one of ${["auto", ...Object.keys(READERS)].map(show).join(", ")}, got ${show(format)}`);
  }
  if (metadata !== undefined && metadata !== "flatten") throw invalidArgument(`metadata must be "flatten", got ${show(metadata)}`);
  if (mode !== "upsert" && mode !== "add") throw invalidArgument(`mode must be "upsert" or "add", got ${show(mode)}`);
  validateAtLeast(startAt, 1, "startAt");
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return {
    format,
    mapping: readMapping(mapping),
    flattens: metadata === "flatten",
    mode,
    startAt,
    onProgress,
    signal: readCallLimits({ signal }).signal,
  };
}

type Waiting = ImportedRecord & { row: number; line: number | null };

class Import {
  readonly #collection: ImportTarget;
  readonly #options: Options;
  readonly #reader: ByteReader;
  readonly #mapping: FieldMapping;
  readonly #report: ImportReport;
  /** The row that each id of the source stood in first. */
  readonly #rowOfId = new Map<string, number>();
  /** Keys that flattening has left out of some row, since nothing was under them. */
  readonly #dropped = new Set<string>();
  #dimension: number | null = null;
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** The row after the last that was read. */
  #next = 1;

  constructor(collection: ImportTarget, options: Options, reader: ByteReader, format: ImportFormat) {
    this.#collection = collection;
    this.#options = options;
    this.#reader = reader;
    this.#mapping = new FieldMapping(options.mapping);
    this.#report = { format, mapping: this.#mapping.told, imported: 0, rejectedCount: 0, rejected: [], warnings: [] };
  }

  async run(): Promise<ImportReport> {
    try {
      this.#dimension = await this.#storedDimension();
      const warn = (warning: string): void => void this.#report.warnings.push(warning);
      const rows = await READERS[this.#report.format](this.#reader, warn, (name) => this.#mapping.wants(name));
      const slice = new Slice();
      for await (const row of rows) {
        await this.#take(row);
        await slice.tick();
      }
      await this.#flush();
    } catch (error) {
      throw this.#interrupted(error);
    }
    if (this.#options.startAt > this.#next)
      throw invalidArgument(`startAt is ${this.#options.startAt}, and the source has ${this.#next - 1} rows`);
    this.#warnOfDropped();
    return { ...this.#report, mapping: this.#mapping.told };
  }

  #warnOfDropped(): void {
    if (this.#dropped.size === 0) return;
    const keys = [...this.#dropped].slice(0, DROPPED_SHOWN_MAX).map(show).join(", ");
    const more = this.#dropped.size > DROPPED_SHOWN_MAX ? ` and ${this.#dropped.size - DROPPED_SHOWN_MAX} more keys` : "";
    this.#report.warnings.push(`Empty lists and objects, which metadata cannot hold, were left out: ${keys}${more}.`);
  }

  /** That of records which others have written, too. */
  async #storedDimension(): Promise<number | null> {
    const { dimension } = this.#collection;
    if (dimension !== undefined) return dimension;
    const { embeddings } = await this.#collection.get({ limit: 1, include: ["embeddings"], signal: this.#options.signal });
    return embeddings[0]?.length ?? null;
  }

  async #take(row: SourceRow): Promise<void> {
    const { signal, startAt } = this.#options;
    if (signal?.aborted) throw aborted(signal);
    const record = "fields" in row ? this.#read(row) : row.reason;
    if (typeof record !== "string") await this.#put({ ...record, row: row.row, line: row.line });
    else if (row.row >= startAt) this.#reject(row, record);
    this.#next = row.row + 1;
  }

  /** The record, or why there is none. */
  #read({ fields, isText, row }: Extract<SourceRow, { fields: Fields }>): ImportedRecord | string {
    try {
      const record = checkRecord(this.#flattened(this.#mapping.read(fields, row, isText)), this.#dimension);
      const before = this.#rowOfId.get(record.id);
      if (before !== undefined) return `row ${before} has the id ${show(record.id)}, too`;
      this.#rowOfId.set(record.id, row);
      this.#dimension ??= record.embedding?.length ?? null;
      return record;
    } catch (error) {
      if (error instanceof TidepoolError) return error.message;
      throw error;
    }
  }

  #flattened(record: RowRecord): RowRecord {
    if (!this.#options.flattens || record.metadata === null) return record;
    const { metadata, dropped } = flattenMetadata(record.metadata);
    for (const key of dropped) this.#dropped.add(key);
    return { ...record, metadata: withValues(Object.entries(metadata ?? {})) };
  }

  /** Records with embeddings and records whose documents are to be embedded go in different batches, in the order of the source. */
  async #put(record: Waiting): Promise<void> {
    if (record.row < this.#options.startAt) return;
    const { id, document, uri, metadata, embedding } = record;
    const bytes = recordTextBytes(id, document, uri, metadata) + 4 * (embedding?.length ?? 0);
    const first = this.#waiting[0];
    const isOther = first !== undefined && (first.embedding === null) !== (embedding === null);
    if (isOther || this.#waiting.length === limits.batchRecordsSent || this.#bytes + bytes > BATCH_BYTES) await this.#flush();
    this.#waiting.push(record);
    this.#bytes += bytes;
  }

  async #flush(): Promise<void> {
    if (this.#options.mode === "add") await this.#rejectStored();
    if (this.#waiting.length > 0) await this.#write();
    this.#bytes = 0;
    const { imported, rejectedCount: rejected } = this.#report;
    this.#options.onProgress?.({ imported, rejected, bytes: this.#reader.bytes, totalBytes: this.#reader.totalBytes });
  }

  async #write(): Promise<void> {
    const records = this.#waiting;
    const column = <T>(values: (T | null)[]): (T | null)[] | undefined => (values.some((value) => value !== null) ? values : undefined);
    await this.#collection[this.#options.mode]({
      ids: records.map(({ id }) => id),
      embeddings: records[0]!.embedding === null ? undefined : records.map(({ embedding }) => embedding!),
      documents: column(records.map(({ document }) => document)),
      metadatas: column(records.map(({ metadata }) => metadata)),
      uris: column(records.map(({ uri }) => uri)),
      signal: this.#options.signal,
    });
    this.#report.imported += records.length;
    this.#waiting = [];
  }

  /** `add` leaves records that are there as they are, and does not tell. */
  async #rejectStored(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const ids = this.#waiting.map(({ id }) => id);
    const stored = new Set((await this.#collection.get({ ids, include: [], signal: this.#options.signal })).ids);
    for (const one of this.#waiting) if (stored.has(one.id)) this.#reject(one, `the collection has a record with the id ${show(one.id)}`);
    this.#waiting = this.#waiting.filter(({ id }) => !stored.has(id));
  }

  #reject({ row, line }: { row: number; line: number | null }, reason: string): void {
    this.#report.rejectedCount++;
    if (this.#report.rejected.length < limits.importRejectionsMax) this.#report.rejected.push({ row, line, reason });
  }

  /** The error of an import that stopped half-way, telling how much of it is in. */
  #interrupted(error: unknown): TidepoolError {
    const known = error instanceof TidepoolError ? error : null;
    const { acknowledged = 0, ...details } = (known?.details ?? {}) as { acknowledged?: number };
    const imported = this.#report.imported + acknowledged;
    const nextRow = this.#waiting[acknowledged]?.row ?? Math.max(this.#next, this.#options.startAt);
    const message = known?.message ?? `onProgress threw: ${error instanceof Error ? error.message : show(error)}`;
    const stays = ` (${imported} records were imported and stay; startAt: ${nextRow} goes on after them)`;
    const report = { ...this.#report, imported, mapping: this.#mapping.told };
    return new TidepoolError(known?.code ?? "INVALID_ARGUMENT", message + stays, {
      cause: error,
      details: { ...details, nextRow, report },
    });
  }
}
