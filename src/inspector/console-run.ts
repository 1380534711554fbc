/** Makes a call of the console, and tells what came of it and how long it took. */
import type { TidepoolClient } from "../api/client.js";
import type { Collection } from "../api/collection.js";
import type { HybridRow } from "../api/hybrid.js";
import type { EngineMetrics } from "../core/service.js";
import type { Metadata } from "../core/types.js";
import type { ConsoleCall } from "./console-calls.js";
import type { Readable } from "./record-pages.js";

/** A record that was found. */
export interface Hit {
  id: string;
  document: string | null | undefined;
  metadata: Metadata | null | undefined;
  /** What it was ordered by. */
  measure: number | null | undefined;
  /** Which branches of a hybrid search found it, and where. */
  reasons: string[];
}

export interface Outcome {
  hits: Hit[];
  /** What `measure` of the hits is. */
  measured: "distance" | "score";
  /** That of the query's text, `null` where there is none to embed, or nobody who does. */
  embedding: number[] | null;
  /** Embedding the text, in the page or where its function runs. */
  embedMs: number;
  /** The call, from the page and back. */
  answerMs: number;
  /** What of that the engine took in its worker; where others called the same method meanwhile, theirs is in it. */
  engineMs: number;
}

export async function run(client: TidepoolClient, collection: Collection, source: Readable, call: ConsoleCall): Promise<Outcome> {
  const embedded = await timed(() => embed(collection, call));
  const before = await client.metrics();
  const answer = await timed(() => ask(source, withEmbedding(call, embedded.value)));
  const after = await client.metrics();
  const measured = call.method === "query" ? "distance" : "score";
  const times = { embedMs: embedded.ms, answerMs: answer.ms, engineMs: engineMs(after, call) - engineMs(before, call) };
  return { hits: answer.value, measured, embedding: embedded.value, ...times };
}

function engineMs({ methods }: EngineMetrics, { method }: ConsoleCall): number {
  return methods[method]?.ms.total ?? 0;
}

async function timed<T>(what: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const begun = performance.now();
  const value = await what();
  return { value, ms: performance.now() - begun };
}

/** The text of a call as a vector, so that embedding it is timed by itself. */
async function embed(collection: Collection, call: ConsoleCall): Promise<number[] | null> {
  const text = call.method === "query" ? call.args.queryTexts?.[0] : call.method === "hybrid" ? call.args.queryText : undefined;
  const given = call.method === "hybrid" && call.args.queryEmbedding !== undefined;
  const fn = collection.embeddingFunction;
  if (text === undefined || given || fn === undefined) return null;
  const [vector] = await (fn.generateForQueries?.([text]) ?? fn.generate([text]));
  return Array.from(vector!);
}

function withEmbedding(call: ConsoleCall, embedding: number[] | null): ConsoleCall {
  if (embedding === null) return call;
  if (call.method === "hybrid") return { method: "hybrid", args: { ...call.args, queryEmbedding: embedding } };
  if (call.method !== "query") return call;
  const { queryTexts: _, ...args } = call.args;
  return { method: "query", args: { ...args, queryEmbeddings: [embedding] } };
}

async function ask(source: Readable, call: ConsoleCall): Promise<Hit[]> {
  if (call.method === "query") {
    const [rows = []] = (await source.query(call.args)).rows();
    return rows.map(({ id, document, metadata, distance }) => ({ id, document, metadata, measure: distance, reasons: [] }));
  }
  if (call.method === "searchText") {
    const rows = (await source.searchText(call.args)).rows();
    return rows.map(({ id, document, metadata, score, terms }) => ({ id, document, metadata, measure: score, reasons: terms }));
  }
  if (call.method === "hybrid") {
    const rows = (await source.hybrid(call.args)).rows();
    return rows.map((row) => ({ id: row.id, document: row.document, metadata: row.metadata, measure: row.score, reasons: reasonsOf(row) }));
  }
  const [rows = []] = (await source.search(call.args)).rows();
  return rows.map(({ id, document, metadata, score }) => ({ id, document, metadata, measure: score, reasons: [] }));
}

function reasonsOf({ text, dense, sparse }: HybridRow): string[] {
  return [
    ...(text === null ? [] : [`text ${text.rank}: ${text.terms.join(" ")}`]),
    ...(dense === null ? [] : [`vector ${dense.rank}: ${dense.distance.toPrecision(3)}`]),
    ...(sparse === null ? [] : [`sparse ${sparse.rank}`]),
  ];
}
