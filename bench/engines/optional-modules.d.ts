/**
 * Of the packages in `bench/package.json`, what the suites use. Declared here, and not taken from the packages, so that the
 * repository compiles where they are not installed.
 */

declare module "edgevec" {
  export class EdgeVecConfig {
    constructor(dimensions: number);
    metric: string;
    m: number;
    m0: number;
    ef_construction: number;
    ef_search: number;
  }
  export class EdgeVec {
    constructor(config: EdgeVecConfig);
    static load(name: string): Promise<EdgeVec>;
    insertWithMetadata(vector: Float32Array, metadata: Record<string, number>): number;
    search(query: Float32Array, k: number): { id: number; score: number }[];
    searchWithFilter(query: Float32Array, filter: string, k: number): { id: number; distance: number }[];
    save(name: string): Promise<void>;
    save_stream(): { next_chunk(): Uint8Array | undefined };
  }
  const init: () => Promise<unknown>;
  export default init;
}

declare module "voy-search/voy_search_bg.js" {
  export class Voy {
    static deserialize(index: string): Voy;
    add(resource: { embeddings: { id: string; title: string; url: string; embeddings: number[] }[] }): void;
    search(query: Float32Array, k: number): { neighbors: { id: string }[] };
    serialize(): string;
  }
  export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
}

declare module "*.wasm?url" {
  const url: string;
  export default url;
}

declare module "@orama/orama" {
  export type Orama = object;
  export function create(options: { schema: Record<string, string> }): Orama;
  export function insertMultiple(
    database: Orama,
    documents: object[],
    batchSize?: number,
    language?: string,
    timeout?: number,
  ): Promise<string[]>;
  export interface VectorSearch {
    vector: { value: number[] | Float32Array; property: string };
    similarity: number;
    limit: number;
    where?: Record<string, { eq: number }>;
  }
  export function searchVector(database: Orama, search: VectorSearch): Promise<{ hits: { id: string }[] }>;
  export function search(database: Orama, search: { term: string; limit: number; tolerance?: number }): Promise<{ hits: { id: string }[] }>;
  export function save(database: Orama): object;
  export function load(database: Orama, data: object): void;
}

declare module "mememo" {
  export class HNSW {
    constructor(options: {
      distanceFunction: "cosine-normalized" | ((a: number[], b: number[]) => number);
      m: number;
      efConstruction: number;
      seed: number;
      useIndexedDB: boolean;
    });
    bulkInsert(keys: string[], values: number[][]): Promise<void>;
    bulkInsertSkipIndex(keys: string[], values: number[][]): Promise<void>;
    query(value: number[], k: number, ef: number): Promise<{ keys: string[]; distances: number[] }>;
    exportIndex(): object;
    loadIndex(index: object): void;
  }
}

declare module "sqlite-vec-wasm/dist/sqlite3-bundler-friendly.mjs" {
  export interface Statement {
    bind(values: readonly (number | string | Uint8Array)[]): Statement;
    step(): boolean;
    stepReset(): Statement;
    reset(): Statement;
    getInt(column: number): number;
    finalize(): void;
  }
  export interface Database {
    readonly pointer: number;
    exec(sql: string): Database;
    prepare(sql: string): Statement;
  }
  export interface Sqlite {
    oo1: { DB: new (name: string, flags: string) => Database };
    capi: {
      sqlite3_js_db_export(database: Database): Uint8Array;
      sqlite3_deserialize(pointer: number, schema: string, data: number, size: number, capacity: number, flags: number): number;
      SQLITE_DESERIALIZE_FREEONCLOSE: number;
      SQLITE_DESERIALIZE_RESIZEABLE: number;
    };
    wasm: { allocFromTypedArray(bytes: Uint8Array): number };
  }
  const init: (options?: object) => Promise<Sqlite>;
  export default init;
}

declare module "@electric-sql/pglite" {
  export class PGlite {
    constructor(options: { extensions?: Record<string, unknown>; loadDataDir?: Blob });
    waitReady: Promise<void>;
    exec(sql: string): Promise<unknown>;
    query<T>(sql: string, parameters?: readonly unknown[], options?: { blob?: Blob }): Promise<{ rows: T[] }>;
    dumpDataDir(compression?: "none" | "gzip"): Promise<Blob>;
  }
}

declare module "@electric-sql/pglite-pgvector" {
  export const vector: unknown;
}

declare module "flexsearch" {
  export class Index {
    constructor(options: { tokenize: "strict" | "forward" });
    add(id: number, text: string): void;
    search(query: string, options: { limit: number; suggest: boolean }): (number | string)[];
    export(take: (key: string, data: string | undefined) => void): Promise<void>;
    import(key: string, data: string): void;
  }
}

declare module "@sqlite.org/sqlite-wasm" {
  export * from "sqlite-vec-wasm/dist/sqlite3-bundler-friendly.mjs";
  export { default } from "sqlite-vec-wasm/dist/sqlite3-bundler-friendly.mjs";
}

declare module "@tensorflow/tfjs-core" {
  export interface Tensor {
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  export function env(): { set(flag: string, value: boolean): void };
  export function setBackend(name: string): Promise<boolean>;
  export function ready(): Promise<void>;
  export function tensor1d(values: number[], type: "int32"): Tensor;
  export function tensor2d(values: number[][], shape: [number, number], type: "int32"): Tensor;
}

declare module "@tensorflow/tfjs-converter" {
  import type { Tensor } from "@tensorflow/tfjs-core";
  export function loadGraphModel(url: string): Promise<{ executeAsync(inputs: Record<string, Tensor>): Promise<Tensor> }>;
}

declare module "@tensorflow/tfjs-backend-wasm" {
  export function setWasmPaths(folder: string): void;
}
