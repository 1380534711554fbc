/**
 * Work on a table that several threads do together: many items, each of which is done by whoever takes it, over shared memory. What an
 * item gives does not depend on who did it, nor on when.
 */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { GraphOptions } from "../core/index/vector/graph-kernel.js";
import { QUERIES_PER_PASS, type ScanQuery } from "../core/index/vector/vector-kernel.js";
import { layGraphScratch, type WalkScope, walkGraph } from "./graph-scratch.js";
import { type ScanScope, scanPass } from "./scan-pass.js";
import type { Workplace } from "./table-memory.js";

/** Queries in shared memory. */
export interface SharedQueries {
  count: number;
  dimension: number;
  codes: Int16Array;
  scales: Float32Array;
}

/** Up to `most` candidates of each query, in shared memory. */
export interface SharedAnswers {
  most: number;
  counts: Uint32Array;
  ordinals: Uint32Array;
  distances: Float32Array;
}

/** A graph as all threads must know it. */
export interface SharedGraph {
  options: GraphOptions;
  entry: number;
  stale: number;
  ordinals: number;
}

/** Items are passes of `QUERIES_PER_PASS` queries. */
export interface ScanTask {
  kind: "scan";
  queries: SharedQueries;
  answers: SharedAnswers;
  scope: ScanScope;
}

/** Items are queries. */
export interface WalkTask {
  kind: "walk";
  queries: SharedQueries;
  answers: SharedAnswers;
  scope: WalkScope;
  graph: SharedGraph;
}

/** Items are nodes, which have got their places. */
export interface HangTask {
  kind: "hang";
  nodes: Uint32Array;
  levels: Uint8Array;
  graph: SharedGraph;
}

/** Items are parts of the lists that are to lead to `count` nodes, whose ordinals lie at `nodesAt`. */
export interface TieTask {
  kind: "tie";
  nodesAt: number;
  count: number;
  parts: number;
  graph: SharedGraph;
}

export type SharedTask = ScanTask | WalkTask | HangTask | TieTask;

export function shareQueries(queries: readonly ScanQuery[], dimension: number): SharedQueries {
  const codes = new Int16Array(new SharedArrayBuffer(2 * dimension * queries.length));
  const scales = new Float32Array(new SharedArrayBuffer(4 * queries.length));
  queries.forEach((query, i) => {
    codes.set(query.codes, i * dimension);
    scales[i] = query.scale;
  });
  return { count: queries.length, dimension, codes, scales };
}

export function newAnswers(queries: number, most: number): SharedAnswers {
  return {
    most,
    counts: new Uint32Array(new SharedArrayBuffer(4 * queries)),
    ordinals: new Uint32Array(new SharedArrayBuffer(4 * queries * most)),
    distances: new Float32Array(new SharedArrayBuffer(4 * queries * most)),
  };
}

/** Bytes of shared memory beside the table's. */
export function bytesOf(task: SharedTask): number {
  if (task.kind !== "scan" && task.kind !== "walk") return 0;
  const { queries, answers } = task;
  const allowed = task.scope.allowed?.byteLength ?? 0;
  return queries.codes.byteLength + answers.ordinals.byteLength + answers.distances.byteLength + allowed;
}

export function copyShared(words: Uint32Array): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(words.byteLength));
  shared.set(words);
  return shared;
}

export function answerOf({ most, counts, ordinals, distances }: SharedAnswers, query: number): Candidates {
  const from = query * most;
  const to = from + counts[query]!;
  return { ordinals: ordinals.slice(from, to), distances: distances.slice(from, to) };
}

/** Tells an instance of the graph, before it does items of it. */
export function enterGraph({ kernel }: Workplace, { options, entry, stale }: SharedGraph): void {
  kernel.initGraph(options.M, options.efConstruction, options.slopeFactor, options.interceptFactor);
  kernel.restoreEntry(entry);
  kernel.noteStale(stale);
}

export function doItem(task: SharedTask, place: Workplace, item: number): void {
  if (task.kind === "scan") scanItem(task, place, item);
  else if (task.kind === "walk") put(task.answers, item, walkGraph(place, queryOf(task.queries, item), task.scope));
  else {
    layGraphScratch(place, task.graph.ordinals, 1);
    if (task.kind === "hang") place.kernel.hang(task.nodes[item]!, task.levels[item]!);
    else place.kernel.tie(task.nodesAt, task.count, item, task.parts);
  }
}

function scanItem({ queries, answers, scope }: ScanTask, place: Workplace, item: number): void {
  const first = item * QUERIES_PER_PASS;
  const pass: ScanQuery[] = [];
  for (let i = first; i < Math.min(queries.count, first + QUERIES_PER_PASS); i++) pass.push(queryOf(queries, i));
  scanPass(place, pass, scope).forEach((found, i) => void put(answers, first + i, found));
}

function queryOf({ dimension, codes, scales }: SharedQueries, i: number): ScanQuery {
  return { codes: codes.subarray(i * dimension, (i + 1) * dimension), scale: scales[i]! };
}

function put({ most, counts, ordinals, distances }: SharedAnswers, query: number, found: Candidates): void {
  ordinals.set(found.ordinals, query * most);
  distances.set(found.distances, query * most);
  counts[query] = found.ordinals.length;
}
