/**
 * The helpers of an engine: workers that do items of its tasks (`help.ts`), one task at a time. They are started when there is work
 * enough, and end when there was none for a while, which also gives back whatever memory they know.
 *
 * Nothing waits for a helper to come: the engine begins at once, and what a helper is late for is done without it. A helper that
 * fails, dies or cannot be started is not asked again, and none takes its place: the engine does what it has left.
 */

import type { Tick } from "../core/base/turns.js";
import type { CommonInsertion } from "../core/index/vector/graph-kernel.js";
import { type CommonSearch, type HelpedEngine, QUERIES_PER_PASS, type ScanQuery } from "../core/index/vector/vector-kernel.js";
import { limits } from "../core/limits.js";
import { graphScratchBytes, type WalkScope } from "./graph-scratch.js";
import type { HelperJob } from "./help.js";
import { type ScanScope, scanScratchBytes } from "./scan-pass.js";
import { newSharedMemory, sharedKernelOf } from "./shared-module.js";
import { searchTogether } from "./shared-search.js";
import { copyShared, type HangTask, newAnswers, type SharedGraph, type SharedTask, shareQueries, type TieTask } from "./shared-task.js";
import { SharedWork, type WorkHost } from "./shared-work.js";
import type { Insertion, TableHelpers } from "./table-helpers.js";
import type { Desk, TableMemory } from "./table-memory.js";

/** A worker that helps. */
export interface HelperPort {
  send(message: HelperMessage): void;
  end(): void;
}

/** What a helper is sent: first what it needs to live. */
export type HelperMessage = { type: "start"; module: WebAssembly.Module } | HelperJob;

/** What is heard of a helper. */
export interface HelperNews {
  /** It runs. */
  ready(): void;
  /** It has left a job. */
  left(): void;
  /** It is no more, or failed. */
  gone(why: string): void;
}

export interface HelperPoolParts {
  /** Makes a worker; may throw. */
  start(news: HelperNews): HelperPort;
  /** Of the kernel. */
  bytes: Uint8Array;
  schedule(callback: () => void, delayMs: number): () => void;
  idleMs: number;
}

interface Member {
  port: HelperPort;
  isReady: boolean;
  /** The latest job, for when it is ready: before, nobody would hear of its end. */
  waiting: HelperJob | null;
  isGone: boolean;
}

/** What has been placed in a table's memory for its helpers. */
interface Places {
  readonly desks: Desk[];
  readonly nodes: { at: number; count: number };
}

/** Parts in which lists are made to lead to new nodes: several a thread, since they take unequal times. */
const TIE_PARTS = 32;
const noChange = (): (() => void) => () => undefined;

export class HelperPool implements TableHelpers, WorkHost {
  readonly #parts: HelperPoolParts;
  readonly #members: (Member | null)[] = [];
  readonly #places = new WeakMap<TableMemory, Places>();
  #engine: HelpedEngine = { tick: () => undefined, onTrouble: () => undefined, bytesMax: limits.helpersBytesMax };
  #module: WebAssembly.Module | null = null;
  #cores = 1;
  #trouble: string | null = null;
  #work: SharedWork | null = null;
  #news: () => void = () => undefined;
  #hasNews: Promise<void> | null = null;
  #cancelIdle: () => void = () => undefined;

  constructor(parts: HelperPoolParts) {
    this.#parts = parts;
  }

  /** The kernel for shared memory, compiled once, for all threads. */
  get module(): WebAssembly.Module {
    return (this.#module ??= new WebAssembly.Module(sharedKernelOf(this.#parts.bytes)));
  }

  get cores(): number {
    return this.#cores;
  }

  get running(): number {
    return this.#members.filter((member) => member?.isReady && !member.isGone).length;
  }

  get alone(): string | null {
    const lost = this.#members.filter((member) => member === null || member.isGone).length;
    return lost < this.#cores - 1 ? null : this.#trouble;
  }

  get byteLength(): number {
    return this.#work?.byteLength ?? 0;
  }

  /** Whether tables are to be made that can be shared. */
  get isWanted(): boolean {
    return this.#cores > 1 && this.alone === null;
  }

  get tick(): Tick {
    return this.#engine.tick;
  }

  newMemory(): WebAssembly.Memory | null {
    try {
      return newSharedMemory();
    } catch (error) {
      this.note(`no memory can be shared: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  scan(memory: TableMemory, queries: readonly ScanQuery[], { allowed, ...scope }: ScanScope): CommonSearch | null {
    const { rows, r, words } = scope;
    const most = Math.min(r, rows);
    const isWorthIt = most > 0 && words * 32 * memory.rowBytes * queries.length >= limits.helpersScanBytesMin;
    if (!isWorthIt || !this.#isFreeFor(queries.length, memory, most)) return null;
    const answers = newAnswers(queries.length, most);
    const shared = { ...scope, allowed: copyShared(allowed) };
    const task = { kind: "scan", queries: shareQueries(queries, memory.dimension), answers, scope: shared } as const;
    const work = this.#begin(memory, task, Math.ceil(queries.length / QUERIES_PER_PASS), scanScratchBytes(QUERIES_PER_PASS, scope));
    return searchTogether(work, answers, (query) => Math.floor(query / QUERIES_PER_PASS));
  }

  walk(memory: TableMemory, queries: readonly ScanQuery[], given: WalkScope, graph: SharedGraph): CommonSearch | null {
    const { ordinals, beam, allowed } = given;
    if (queries.length < limits.helpersQueriesMin || !this.#isFreeFor(queries.length, memory, beam)) return null;
    const answers = newAnswers(queries.length, beam);
    const scope = { ordinals, beam, allowed: allowed && copyShared(allowed) };
    const task = { kind: "walk", queries: shareQueries(queries, memory.dimension), answers, scope, graph } as const;
    const work = this.#begin(memory, task, queries.length, graphScratchBytes(memory, ordinals, beam));
    return searchTogether(work, answers, (query) => query);
  }

  insert(memory: TableMemory, { nodes, levels, graph, change }: Insertion): CommonInsertion {
    const { length: count } = nodes;
    const nodesAt = this.#placeOf(memory, count);
    new Uint32Array(memory.buffer, nodesAt, count).set(nodes);
    return {
      hang: async (pause) => {
        await this.#doAll(memory, { kind: "hang", nodes, levels, graph: graph() }, count, pause);
      },
      tie: (pause) => this.#doAll(memory, { kind: "tie", nodesAt, count, parts: TIE_PARTS, graph: graph() }, TIE_PARTS, pause, change),
    };
  }

  /**
   * Does all items of a task, after what is under way, and by the engine's thread alone where there is nobody else; false where one was
   * lost that cannot be repeated.
   */
  async #doAll(memory: TableMemory, task: HangTask | TieTask, items: number, pause: Tick, change = noChange): Promise<boolean> {
    while (this.#work !== null) await this.news();
    const work = this.#begin(memory, task, items, graphScratchBytes(memory, task.graph.ordinals, 1));
    const over = change();
    try {
      for (let item = 0; item < items; item++) if (!(await work.done(item, task.kind === "hang", pause))) return false;
      return true;
    } finally {
      await work.end();
      over();
    }
  }

  /** Whether somebody may help with so many queries, with so many answers each, and all are at leisure. */
  #isFreeFor(queries: number, { dimension }: TableMemory, answers: number): boolean {
    return this.isWanted && this.#work === null && queries * (2 * dimension + 8 * answers) <= this.#engine.bytesMax;
  }

  serve(engine: HelpedEngine): void {
    this.#engine = engine;
  }

  use(cores: number): void {
    this.#cores = cores;
  }

  #begin(memory: TableMemory, task: SharedTask, items: number, scratchBytes: number): SharedWork {
    this.#cancelIdle();
    const helpers = this.#cores - 1;
    const desks = this.#desks(memory, scratchBytes);
    const work = new SharedWork(this, memory, task, items, helpers);
    this.#work = work;
    const table = tableOf(memory);
    for (const [helper, desk] of desks) {
      if (this.#member(helper) === null) continue;
      this.#send(helper, { type: "job", helper, helpers, items, control: work.control, task, table, desk });
    }
    return work;
  }

  /** Where so many ordinals lie for all threads. */
  #placeOf(memory: TableMemory, count: number): number {
    const { nodes } = this.#placesIn(memory);
    if (nodes.count < count) Object.assign(nodes, { count, at: memory.place(4 * count) });
    return nodes.at;
  }

  /** The desk of a helper, with so much scratch memory. One that has become too small is left behind, so the next is larger by half. */
  #placeDesk(memory: TableMemory, helper: number, scratchBytes: number): Desk {
    const { desks } = this.#placesIn(memory);
    const placed = desks[helper];
    const deskBytes = Math.ceil(memory.kernel.deskBytes() / 16) * 16;
    if (placed !== undefined && placed.at + deskBytes + scratchBytes <= placed.end) return placed;
    const bytes = deskBytes + Math.ceil(scratchBytes * (placed === undefined ? 1 : 1.5));
    const at = Math.ceil(memory.place(bytes + 16) / 16) * 16;
    return (desks[helper] = { at, end: at + bytes });
  }

  #placesIn(memory: TableMemory): Places {
    let places = this.#places.get(memory);
    if (places === undefined) this.#places.set(memory, (places = { desks: [], nodes: { at: 0, count: 0 } }));
    return places;
  }

  /** Where helpers can work: as far as there is memory. */
  #desks(memory: TableMemory, scratchBytes: number): Map<number, Desk> {
    const desks = new Map<number, Desk>();
    try {
      for (let helper = 0; helper < this.#cores - 1; helper++) desks.set(helper, this.#placeDesk(memory, helper, scratchBytes));
    } catch (error) {
      // The error's class may be that of another file, in which the table's memory is.
      const { code, message } = error as { code?: string; message: string };
      if (code !== "RESOURCE_EXHAUSTED") throw error;
      this.note(message);
    }
    return desks;
  }

  /** Resolves when anything was heard of a helper, or a task has ended. */
  news(): Promise<void> {
    this.#hasNews ??= new Promise((resolve) => {
      this.#news = () => {
        this.#hasNews = null;
        resolve();
      };
    });
    return this.#hasNews;
  }

  isGone(helper: number): boolean {
    return this.#members[helper]?.isGone ?? true;
  }

  ended(): void {
    this.#work = null;
    this.#news();
    this.#cancelIdle();
    this.#cancelIdle = this.#parts.schedule(() => this.rest(), this.#parts.idleMs);
  }

  /** Ends all helpers that are not at work; further work starts new ones. */
  rest(): void {
    if (this.#work !== null) return;
    this.#cancelIdle();
    this.#members.forEach((member, helper) => {
      if (member === null || member.isGone) return;
      delete this.#members[helper];
      member.port.end();
    });
  }

  #member(helper: number): Member | null {
    const member = this.#members[helper];
    if (member !== undefined) return member === null || member.isGone ? null : member;
    this.#start(helper);
    return this.#members[helper]!;
  }

  #start(helper: number): void {
    const isCurrent = (): boolean => this.#members[helper] === member;
    const news: HelperNews = {
      ready: () => isCurrent() && this.#begun(helper),
      left: () => this.#news(),
      gone: (why) => isCurrent() && this.#lose(helper, why),
    };
    let member: Member | null = null;
    try {
      member = { port: this.#parts.start(news), isReady: false, isGone: false, waiting: null };
      this.#members[helper] = member;
      member.port.send({ type: "start", module: this.module });
    } catch (error) {
      member?.port.end();
      this.#members[helper] = null;
      this.note(`no worker can be started: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** A job that is over by now is left alone. */
  #begun(helper: number): void {
    const member = this.#members[helper]!;
    member.isReady = true;
    const { waiting } = member;
    member.waiting = null;
    if (waiting !== null && waiting.control === this.#work?.control) this.#send(helper, waiting);
  }

  #send(helper: number, job: HelperJob): void {
    const member = this.#members[helper]!;
    try {
      if (member.isReady) member.port.send(job);
      else member.waiting = job;
    } catch (error) {
      this.#lose(helper, error instanceof Error ? error.message : String(error));
    }
  }

  #lose(helper: number, why: string): void {
    const member = this.#members[helper];
    if (member === undefined || member === null || member.isGone) return;
    member.isGone = true;
    member.port.end();
    this.note(member.isReady ? `a helper has ended: ${why}` : `a helper could not be started: ${why}`);
    this.#news();
  }

  /** What keeps helpers from their work: the engine is told of the first. */
  note(why: string): void {
    const isFirst = this.#trouble === null;
    this.#trouble ??= why;
    if (isFirst) this.#engine.onTrouble(why);
  }
}

function tableOf({ number, dimension, chunkShift, kernel }: TableMemory): HelperJob["table"] {
  return { number, memory: kernel.memory, dimension, chunkShift, longest: kernel.longestRow() };
}
