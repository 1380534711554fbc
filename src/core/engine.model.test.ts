/**
 * Random operations against the plain model, with compactions and reopenings in between. A failure names its seed:
 * `SEED=<n> npx vitest run src/core/engine.model.test.ts` repeats it.
 */
import { describe, expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { encrypted, newKey } from "../testing/encryption.js";
import { Random, TestEnvironment } from "../testing/environment.js";
import { compareScalars, type Matches, Model, type ModelOperation, type ModelRecord, type ModelWrite } from "../testing/model.js";
import { loadPatterns } from "../testing/patterns.js";
import { Engine } from "./engine.js";
import { TidepoolError } from "./errors.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { ConditionalOperation, FacetColumns } from "./service.js";
import type {
  IncludeField,
  Metadata,
  MetadataPatch,
  RecordBatch,
  RecordColumns,
  Space,
  SparseVector,
  Where,
  WhereDocument,
} from "./types.js";

const DIMENSION = 8;
const STEPS = 120;
const WORDS = ["wave", "kelp", "crab", "tide", "salt", "sand", "moon", "reef"];
const ALL: IncludeField[] = ["documents", "embeddings", "metadatas", "uris"];
/** Each space with lists and without, and one that is encrypted; `ALL=1` for more. */
const usual = process.env["ALL"] === "1" ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [1, 2, 3, 4, 5, 6, 10];
const seeds = process.env["SEED"] === undefined ? usual : [Number(process.env["SEED"])];
const key = await newKey();
const spaces: Space[] = ["l2", "cosine", "ip"];

describe.each(seeds)("seed %i", (seed) => {
  test("the engine and the model agree after every operation", async () => {
    // Lists take in rows from the first few on, and are looked through whole.
    const run = await Run.start(seed, spaces[seed % 3]!, seed % 2 === 1);
    for (let step = 0; step < STEPS; step++) await run.step();
    await run.check();
    await run.engine.close();
  });
});

/** A transaction that is not committed yet. */
interface Transaction {
  token: number;
  read: Set<string>;
}

/** What reads are of, and what they find by the model. */
interface Moment {
  asked: { collectionId: string; version?: number };
  model: Model;
}

/** A collection beside its model. */
class Subject {
  readonly transactions: Transaction[] = [];
  /** Changes that transactions which began before cannot rely on, since the collection is compacted and was opened anew. */
  forgotten = 0;
  /** Whether a transaction has asked since it was opened: from then on compactions let nothing be forgotten. */
  isAsked = false;

  constructor(
    readonly id: string,
    readonly model: Model,
  ) {}

  /** What a read of these ids, or of any, or a commit that depends on them, is refused with; `null`: it is not. */
  refusal(token: number, ids: ReadonlySet<string> | null, code: "STALE_READ" | "CONFLICT"): string | null {
    this.isAsked = true;
    if (token <= this.forgotten) return "STALE_READ";
    return this.model.hasChangedSince(token - 1, ids) ? code : null;
  }
}

/** One engine beside its models: a collection, and forks of it. */
class Run {
  readonly environment = new TestEnvironment();
  readonly random: Random;
  readonly subjects: Subject[] = [];
  subject!: Subject;
  moment!: Moment;
  engine!: Engine;

  private constructor(readonly seed: number) {
    this.random = new Random(seed);
  }

  get model(): Model {
    return this.subject.model;
  }

  get collectionId(): string {
    return this.subject.id;
  }

  static async start(seed: number, space: Space, hasLists: boolean): Promise<Run> {
    const run = new Run(seed);
    await run.open();
    const info = await run.engine.service.createCollection({
      tenant: "default_tenant",
      database: "default_database",
      name: "model",
      metadata: null,
      configuration: {},
      schema: { keys: { "#embedding": vectorIndex(space, hasLists), lexical: sparseIndex(false), kind: sparseIndex(true) } },
      getOrCreate: false,
    });
    run.subjects.push((run.subject = new Subject(info.id, new Model(space, { keepsPast: true }))));
    return run;
  }

  async open(): Promise<void> {
    const options = { path: `model-${this.seed}`, storage: "memory", durability: "strict", allowReset: false, retainVersions: 3 } as const;
    const memory = await openMemoryStorage(options.path);
    const storage = this.seed % 10 === 0 ? await encrypted(memory, key) : memory;
    const parts = { storage, kernel: referenceKernel, loadPatterns, environment: this.environment, options };
    this.engine = await Engine.open({ ...parts, lists: { tailRows: 5, splitRows: 7 }, deadOrdinalsMax: () => 4 });
  }

  async step(): Promise<void> {
    const dice = this.random.next();
    if (dice < 0.36) await this.write();
    else if (dice < 0.45) await this.deleteSome();
    else if (dice < 0.53) await this.compact();
    else if (dice < 0.6) await this.reopen();
    else if (dice < 0.65) await this.racingCompaction();
    else if (dice < 0.68) await this.fork();
    else if (dice < 0.82) await this.transact();
    else await this.read();
  }

  async reopen(): Promise<void> {
    await this.engine.close();
    await this.open();
    for (const subject of this.subjects) {
      subject.isAsked = false;
      await this.noteCompacted(subject);
    }
  }

  async compact(): Promise<void> {
    await this.engine.compact(this.collectionId);
    await this.noteCompacted(this.subject);
  }

  async noteCompacted(subject: Subject): Promise<void> {
    const versions = await this.engine.service.listVersions({ collectionId: subject.id });
    if (!subject.isAsked) subject.forgotten = versions.at(-1)!.logOffset;
  }

  /** Goes on with a fork, or with any other there is. */
  async fork(): Promise<void> {
    if (this.subjects.length < 3) {
      const name = `fork-${this.subjects.length}`;
      const { id } = await this.engine.service.forkCollection({ collectionId: this.collectionId, name });
      const fork = new Subject(id, this.model.fork());
      await this.noteCompacted(fork);
      this.subjects.push(fork);
    }
    this.subject = this.random.pick(this.subjects);
  }

  /** Writes and deletes while a compaction is under way. */
  async racingCompaction(): Promise<void> {
    const compaction = this.engine.compact(this.collectionId);
    for (let i = 0; i < 4; i++) {
      await this.write();
      await this.deleteSome();
      await this.read();
    }
    await compaction;
    await this.noteCompacted(this.subject);
  }

  /** Begins a transaction, or takes one a step further. */
  async transact(): Promise<void> {
    const { transactions } = this.subject;
    if (transactions.length === 0 || this.random.chance(0.4)) await this.readIn(null);
    else if (this.random.chance(0.3)) await this.readIn(this.random.pick(transactions));
    else await this.commit(transactions.splice(this.random.below(transactions.length), 1)[0]!);
  }

  async readIn(transaction: Transaction | null): Promise<void> {
    const { matches, ...filter } = this.filter();
    const ids = this.random.chance(0.6) ? new Set(Array.from({ length: 3 }, () => this.id())) : null;
    const request = { ...filter, ...(ids === null ? { limit: 3 } : { ids: [...ids] }), include: ALL };
    const asked = { collectionId: this.collectionId, readToken: transaction?.token, ...request };
    const refusal = transaction && this.subject.refusal(transaction.token, ids, "STALE_READ");
    this.subject.isAsked = true;
    const found = await orCode(this.engine.service.conditionalGet(asked));
    if (typeof found === "string" || refusal !== null) return void expect(found).toBe(refusal);
    const expected = this.model.select((record) => matches(record) && (ids?.has(record.id) ?? true)).slice(0, ids === null ? 3 : Infinity);
    expectRecords(found, expected);
    expect(found.readToken).toBe(transaction?.token ?? this.model.changes.length + 1);
    const read = transaction?.read ?? new Set();
    for (const id of [...(ids ?? []), ...found.ids]) read.add(id);
    if (transaction === null) this.subject.transactions.push({ token: found.readToken, read });
  }

  /** Commits what may conflict with what was written since its reads. */
  async commit({ token, read }: Transaction): Promise<void> {
    const ends = Array.from({ length: 1 + this.random.below(3) }, () => this.operation());
    const plain = ends.map(({ plain }) => plain);
    const written = plain.flatMap((one) => (one.operation === "delete" ? one.ids : one.writes.map(({ id }) => id)));
    const refusal = this.subject.refusal(token, new Set([...read, ...written]), "CONFLICT");
    const request = { collectionId: this.collectionId, readToken: token, readIds: [...read], operations: ends.map(({ asked }) => asked) };
    const committed = await orCode(this.engine.service.conditionalCommit(request));
    if (refusal !== null) return void expect(committed).toBe(refusal);
    expect(committed).toEqual({ firstInsertedRecordOffset: this.model.changes.length + 1, recordCount: written.length });
    this.model.transact(plain);
  }

  /** An operation as the engine takes it, and as the model does. */
  operation(): { asked: ConditionalOperation; plain: ModelOperation } {
    const operation = this.random.pick(["add", "update", "upsert", "delete"] as const);
    const ids = [...new Set(Array.from({ length: 1 + this.random.below(3) }, () => this.id()))];
    if (operation === "delete") return { asked: { operation, ids }, plain: { operation, ids } };
    const columns = { document: true, metadata: this.random.chance(0.8), uri: false };
    const writes = ids.map((id) => this.record(id, operation === "update", columns));
    return { asked: { operation, records: toBatch(writes, columns) }, plain: { operation, writes } };
  }

  async write(): Promise<void> {
    const operation = this.random.pick(["add", "update", "upsert"] as const);
    const count = 1 + this.random.below(this.random.chance(0.2) ? 40 : 6);
    const ids = new Set(Array.from({ length: count }, () => this.id()));
    const columns = { document: this.random.chance(0.8), metadata: this.random.chance(0.8), uri: this.random.chance(0.3) };
    const writes = [...ids].map((id) => this.record(id, operation === "update", columns));
    const records = toBatch(writes, columns);
    await this.engine.service.write({ collectionId: this.collectionId, operation, records });
    this.model.write(operation, writes);
  }

  record(id: string, update: boolean, columns: { document: boolean; metadata: boolean; uri: boolean }): ModelWrite {
    const { random } = this;
    return {
      id,
      embedding: update && random.chance(0.5) ? undefined : this.embedding(),
      document: columns.document && random.chance(0.8) ? this.text() : null,
      uri: columns.uri && random.chance(0.5) ? `https://example.org/${id}` : null,
      metadata: columns.metadata && random.chance(0.8) ? this.metadata(update) : null,
    };
  }

  embedding(): Float32Array {
    if (this.random.chance(0.05)) return new Float32Array(DIMENSION);
    if (this.random.chance(0.2)) return Float32Array.from({ length: DIMENSION }, () => this.random.below(3) - 1);
    return this.random.vector(DIMENSION);
  }

  id(): string {
    return `id-${this.random.below(150)}`;
  }

  text(): string {
    return Array.from({ length: 1 + this.random.below(6) }, () => this.random.pick(WORDS)).join(" ");
  }

  /** Numbers that float32 holds exactly: the model does no rounding. */
  sparse(): SparseVector {
    const indices = Array.from({ length: 50 }, (_, i) => i * 1000).filter(() => this.random.chance(0.1));
    return { indices, values: indices.map(() => this.random.below(64) / 16 - 2) };
  }

  metadata(update: boolean): MetadataPatch {
    const { random } = this;
    const out: MetadataPatch = { year: 2000 + random.below(8) };
    if (random.chance(0.5)) out["kind"] = random.pick(["a", "b", "c"]);
    if (random.chance(0.3)) out["kind"] = random.below(3);
    if (random.chance(0.3)) out["open"] = random.chance(0.5);
    if (random.chance(0.3)) out["tags"] = [random.pick(WORDS), random.pick(WORDS)];
    if (random.chance(0.3)) out["lexical"] = this.sparse();
    if (random.chance(0.1)) out["kind"] = this.sparse();
    if (random.chance(0.1)) out[`rare${random.below(100)}`] = random.next();
    if (update && random.chance(0.3)) out[random.pick(["kind", "open", "tags", "lexical"])] = null;
    return out;
  }

  async deleteSome(): Promise<void> {
    if (this.random.chance(0.5)) {
      const ids = [...new Set(Array.from({ length: 1 + this.random.below(5) }, () => this.id()))];
      const { deleted } = await this.engine.service.delete({ collectionId: this.collectionId, ids });
      expect(deleted).toBe(this.model.delete(ids));
    } else {
      const filter = this.filter();
      const limit = 1 + this.random.below(4);
      if (filter.where === undefined && filter.whereDocument === undefined) return;
      const { deleted } = await this.engine.service.delete({
        collectionId: this.collectionId,
        where: filter.where,
        whereDocument: filter.whereDocument,
        limit,
      });
      const ids = this.model
        .select(filter.matches)
        .slice(0, limit)
        .map((record) => record.id);
      expect(deleted).toBe(this.model.delete(ids));
    }
  }

  /** A filter, and the same as a function. */
  filter(): { where?: Where; whereDocument?: WhereDocument; matches: Matches } {
    const { random } = this;
    const word = random.pick(WORDS);
    const year = 2000 + random.below(8);
    const kind = random.pick<string | number>(["a", "b", 0, 1]);
    const filters: { where?: Where; whereDocument?: WhereDocument; matches: Matches }[] = [
      { matches: () => true },
      { where: { year }, matches: ({ metadata }) => metadata?.["year"] === year },
      { where: { year: { $gte: year } }, matches: ({ metadata }) => Number(metadata?.["year"] ?? NaN) >= year },
      { where: { kind: { $gte: "b" } }, matches: ({ metadata }) => typeof metadata?.["kind"] === "string" && metadata["kind"] >= "b" },
      { where: { kind: { $startsWith: "a" } }, matches: ({ metadata }) => String(metadata?.["kind"] ?? "").startsWith("a") },
      { where: { kind: { $ne: kind } }, matches: ({ metadata }) => metadata?.["kind"] !== kind },
      { where: { kind: { $nin: ["a", "b", "c"] } }, matches: ({ metadata }) => !["a", "b", "c"].includes(metadata?.["kind"] as string) },
      { where: { lexical: { $gte: -9 } }, matches: () => false },
      { where: { lexical: { $not_contains: 0 } }, matches: () => true },
      { where: { tags: { $contains: word } }, matches: ({ metadata }) => ((metadata?.["tags"] ?? []) as string[]).includes(word) },
      {
        where: { $or: [{ open: true }, { $and: [{ year: { $lt: year } }, { kind: { $in: ["a", "b"] } }] }] },
        matches: ({ metadata }) =>
          metadata?.["open"] === true || (Number(metadata?.["year"] ?? NaN) < year && ["a", "b"].includes(metadata?.["kind"] as string)),
      },
      { whereDocument: { $contains: word }, matches: ({ document }) => document?.includes(word) ?? false },
      { whereDocument: { $not_contains: word }, matches: ({ document }) => !(document?.includes(word) ?? false) },
      {
        whereDocument: { $regex: `(?i)\\b${word.toUpperCase()}\\b|^$` },
        matches: ({ document }) => document !== null && (document.split(" ").includes(word) || document === ""),
      },
      {
        whereDocument: { $or: [{ $not_regex: `${word}.*${word}` }, { $contains: `${word} ${word}` }] },
        matches: ({ document }) => !new RegExp(`${word}.*${word}`).test(document ?? "") || document!.includes(`${word} ${word}`),
      },
      {
        where: { year: { $lt: year } },
        whereDocument: { $contains: word },
        matches: ({ metadata, document }) => Number(metadata?.["year"] ?? NaN) < year && (document?.includes(word) ?? false),
      },
    ];
    return random.pick(filters);
  }

  /** What is there now, or was in an earlier version. */
  async read(): Promise<void> {
    this.moment = this.random.chance(0.3) ? await this.earlier() : { asked: { collectionId: this.collectionId }, model: this.model };
    const { asked, model } = this.moment;
    expect(await this.engine.service.count(asked)).toBe(model.records.size);
    const { matches, ...filter } = this.filter();
    expect(await this.engine.service.count({ ...asked, ...filter })).toBe(model.select(matches).length);
    await this.checkFacets(filter, matches);
    await this.checkGet(filter, matches);
    await this.checkQuery(filter, matches);
    if (this.random.chance(0.5)) await this.checkText(filter, matches);
    await this.checkSparse(filter, matches);
  }

  /** One of the latest two versions: of three that are kept a compaction that is under way may let the oldest go. */
  async earlier(): Promise<Moment> {
    const { collectionId } = this;
    const versions = await this.engine.service.listVersions({ collectionId });
    const { version, logOffset } = this.random.pick(versions.slice(-2));
    return { asked: { collectionId, version }, model: this.model.at(logOffset) };
  }

  async checkFacets(filter: { where?: Where; whereDocument?: WhereDocument }, matches: Matches): Promise<void> {
    const keys = ["kind", "year", "tags", "open"];
    const limit = 1 + this.random.below(10);
    const found = await this.engine.service.facets({ ...this.moment.asked, ...filter, keys, limit });
    const expected = keys.map((key) => ({ key, ...this.moment.model.facet(key, matches) }));
    expect(found.map(told)).toEqual(expected.map((one) => ({ ...one, values: one.values.slice(0, limit), distinct: one.values.length })));
    const kinds = expected[0]!.values.map(([value]) => value).sort(compareScalars);
    expect(await this.engine.service.distinct({ ...this.moment.asked, ...filter, key: "kind", offset: 1, limit })).toEqual(
      kinds.slice(1, 1 + limit),
    );
  }

  async checkGet(filter: { where?: Where; whereDocument?: WhereDocument }, matches: Matches): Promise<void> {
    const offset = this.random.below(5);
    const limit = 1 + this.random.below(30);
    const found = await this.engine.service.get({ ...this.moment.asked, ...filter, offset, limit, include: ALL });
    expectRecords(found, this.moment.model.select(matches).slice(offset, offset + limit));
    await this.checkOrder(filter, matches);
  }

  async checkOrder(filter: { where?: Where; whereDocument?: WhereDocument }, matches: Matches): Promise<void> {
    const descending = this.random.chance(0.5);
    const orderBy = { key: "year", descending };
    const found = await this.engine.service.get({ ...this.moment.asked, ...filter, orderBy, offset: 1, limit: 20, include: [] });
    const yearOf = ({ metadata }: { metadata: Metadata | null }) => metadata?.["year"] as number | undefined;
    const all = this.moment.model.select(matches);
    const dated = all.filter((record) => yearOf(record) !== undefined);
    dated.sort((a, b) => (descending ? -1 : 1) * (yearOf(a)! - yearOf(b)!));
    const expected = [...dated, ...all.filter((record) => yearOf(record) === undefined)];
    expect(found.ids).toEqual(expected.slice(1, 21).map((record) => record.id));
  }

  async checkQuery(filter: { where?: Where; whereDocument?: WhereDocument }, matches: Matches): Promise<void> {
    const query = this.random.chance(0.1) ? new Float32Array(DIMENSION) : this.random.vector(DIMENSION);
    const nResults = 1 + this.random.below(12);
    const queryEmbeddings = { dimension: DIMENSION, values: query };
    const found = await this.engine.service.query({
      ...this.moment.asked,
      ...filter,
      queryEmbeddings,
      nResults,
      include: ["distances"],
    });
    const expected = this.moment.model.query(query, nResults, matches);
    expect([...found.distances!]).toEqual(expected.map((hit) => expect.closeTo(hit.distance, 5)));
    expect(found.ids).toEqual(expected.map((hit) => hit.id));
  }

  async checkText(filter: { where?: Where; whereDocument?: WhereDocument }, matches: Matches): Promise<void> {
    const word = this.random.pick(WORDS);
    const nResults = 500;
    const request = {
      ...this.moment.asked,
      ...filter,
      query: word,
      nResults,
      include: ["documents"] as IncludeField[],
      prefix: false,
      fuzzy: 0,
    };
    const found = await this.engine.service.searchText(request);
    const expected = this.moment.model.select((record) => matches(record) && (record.document?.split(" ").includes(word) ?? false));
    expect([...found.ids].sort()).toEqual(expected.map((record) => record.id).sort());
    expect([...found.scores]).toEqual([...found.scores].sort((a, b) => b - a));
  }

  async checkSparse({ where, whereDocument }: { where?: Where; whereDocument?: WhereDocument }, matches: Matches): Promise<void> {
    const key = this.random.pick(["lexical", "kind"]);
    const [query, limit] = [this.sparse(), 1 + this.random.below(60)];
    const filters = [where, whereDocument && documentFilter(whereDocument)].filter((filter) => filter !== undefined);
    const search = {
      rank: { $knn: { query, key, limit } },
      ...(filters.length > 0 && { filter: filters.length === 1 ? filters[0] : { $and: filters } }),
      select: { keys: ["#score"] },
    };
    const [found] = await this.engine.service.search({ ...this.moment.asked, searches: [search] });
    const expected = this.moment.model.sparse(key, query, { byRarity: key === "kind", limit, matches });
    expect([...found!.scores!]).toEqual(expected.map((hit) => hit.score));
    expect(found!.ids).toEqual(expected.map((hit) => hit.id));
  }

  /** Everything there is, once more. */
  async check(): Promise<void> {
    const all = () => Promise.all(this.subjects.map(({ id }) => this.engine.service.get({ collectionId: id, include: ALL })));
    const before = await all();
    for (const [i, { model }] of this.subjects.entries()) expect(before[i]!.ids).toEqual([...model.records.keys()]);
    await this.reopen();
    expect(await all()).toEqual(before);
  }
}

async function orCode<T>(answer: Promise<T>): Promise<T | string> {
  return answer.catch((error: unknown) => {
    if (error instanceof TidepoolError) return error.code;
    throw error;
  });
}

function expectRecords(found: RecordColumns, expected: readonly ModelRecord[]): void {
  expect(found.ids).toEqual(expected.map((record) => record.id));
  expect(found.documents).toEqual(expected.map((record) => record.document));
  expect(found.uris).toEqual(expected.map((record) => record.uri));
  expect(found.metadatas).toEqual(expected.map((record) => record.metadata ?? (record.uri === null ? null : {})));
  expect(rowsOf(found.embeddings!)).toEqual(expected.map((record) => [...record.embedding]));
}

function vectorIndex(space: Space, hasLists: boolean): object {
  const config = { space, ...(hasLists ? { spann: {} } : {}) };
  return { float_list: { vector_index: { enabled: true, config } } };
}

function sparseIndex(bm25: boolean): object {
  return { sparse_vector: { sparse_vector_index: { enabled: true, config: { bm25 } } } };
}

/** A filter on documents as a search has it, beside those on metadata. */
function documentFilter(filter: WhereDocument): object {
  const [[operator, operand]] = Object.entries(filter) as [[string, unknown]];
  return Array.isArray(operand) ? { [operator]: operand.map(documentFilter) } : { "#document": filter };
}

function toBatch(writes: readonly ModelWrite[], columns: { document: boolean; metadata: boolean; uri: boolean }): RecordBatch {
  const carried = writes.filter((write) => write.embedding !== undefined);
  const values = new Float32Array(carried.length * DIMENSION);
  carried.forEach((write, i) => values.set(write.embedding!, i * DIMENSION));
  const all = carried.length === writes.length;
  const present = all ? null : Uint8Array.from(writes, (write) => (write.embedding === undefined ? 0 : 1));
  return {
    ids: writes.map((write) => write.id),
    embeddings: carried.length === 0 ? null : { dimension: DIMENSION, values, present },
    documents: columns.document ? writes.map((write) => write.document ?? null) : null,
    metadatas: columns.metadata ? writes.map((write) => write.metadata ?? null) : null,
    uris: columns.uri ? writes.map((write) => write.uri ?? null) : null,
  };
}

function told({ values, counts, ...rest }: FacetColumns): object {
  return { ...rest, values: values.map((value, i) => [value, counts[i]]) };
}

function rowsOf(embeddings: { dimension: number; values: Float32Array }): number[][] {
  const rows: number[][] = [];
  for (let at = 0; at < embeddings.values.length; at += embeddings.dimension) {
    rows.push([...embeddings.values.subarray(at, at + embeddings.dimension)]);
  }
  return rows;
}
