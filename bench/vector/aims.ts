/** What the vector engine is meant to reach, what it reached, and what bounds it: figures of one run, side by side. */
import { significant } from "../format-table.js";
import { HNSWLIB, PORTABLE_FLAT, PORTABLE_HNSW, RELAXED_FLAT, RELAXED_HNSW } from "./engines.js";
import { type EngineResult, engineOf, type SetResult } from "./results.js";

export interface Aim {
  aim: string;
  set: string;
  measured: string;
  isMet: boolean;
}

const BUILD_MIN = 8;
const QUERY_MIN_SMALL = 6;
const QUERY_MIN_LARGE = 3.5;
const FILTER_MIN = 200;
const FLAT_MS_MAX = 0.2;
const MEMORY_BYTES_MAX = 150e6;
const REOPEN_MS_MAX = 300;
const BUILDING_P99_MS_MAX = 25;

/** Aims are set for generated sets of these sizes; real sets are reported beside them. */
const isAimedAt = ({ set, records }: SetResult): boolean => /^(?:clustered|low-rank)-/.test(set) && records >= 10_000;

export function aimsOf(sets: readonly SetResult[]): Aim[] {
  return sets.filter(isAimedAt).flatMap((set) => [...graphAims(set), ...flatAims(set), ...databaseAims(set)]);
}

/** The faster of the two kernels, by what is asked. */
function best(
  set: SetResult,
  names: readonly string[],
  value: (result: EngineResult) => number | undefined,
): { name: string; value: number } | null {
  const found = names.flatMap((name) => {
    const result = engineOf(set, name);
    const own = result && value(result);
    return own === undefined ? [] : [{ name, value: own }];
  });
  return found.sort((a, b) => a.value - b.value)[0] ?? null;
}

const hnswNames = [PORTABLE_HNSW, RELAXED_HNSW];
const kernelOf = (name: string): string => name.split(", ").at(-1)!;

function graphAims(set: SetResult): Aim[] {
  const baseline = engineOf(set, HNSWLIB);
  if (!baseline) return [];
  const queryMin = set.records <= 10_000 ? QUERY_MIN_SMALL : QUERY_MIN_LARGE;
  return [
    ratioAim(set, `build ≥ ${BUILD_MIN}× ${HNSWLIB}`, BUILD_MIN, baseline.buildSeconds, (result) => result.buildSeconds),
    ratioAim(set, `query at recall ≥ .95 ≥ ${queryMin}×`, queryMin, baseline.at95?.p50Ms.median, (result) => result.at95?.p50Ms.median),
    ratioAim(set, `query at recall ≥ .99 ≥ ${queryMin}×`, queryMin, baseline.at99?.p50Ms.median, (result) => result.at99?.p50Ms.median),
    ratioAim(
      set,
      `filter 1 % ≥ ${FILTER_MIN}×`,
      FILTER_MIN,
      baseline.filters["1 %"]?.p50Ms.median,
      (result) => result.filters["1 %"]?.p50Ms.median,
    ),
  ].flat();
}

function ratioAim(
  set: SetResult,
  aim: string,
  min: number,
  baseline: number | undefined,
  value: (result: EngineResult) => number | undefined,
): Aim[] {
  const own = best(set, hnswNames, value);
  if (baseline === undefined || own === null) return [];
  const ratio = baseline / own.value;
  return [{ aim, set: set.set, measured: `${significant(ratio)}× (${kernelOf(own.name)})`, isMet: ratio >= min }];
}

function flatAims(set: SetResult): Aim[] {
  if (set.records > 10_000) return [];
  const own = best(set, [PORTABLE_FLAT, RELAXED_FLAT], (result) => result.at99?.p50Ms.median);
  if (own === null) return [];
  return [
    {
      aim: `flat ≤ ${FLAT_MS_MAX} ms`,
      set: set.set,
      measured: `${significant(own.value)} ms (${kernelOf(own.name)})`,
      isMet: own.value <= FLAT_MS_MAX,
    },
  ];
}

function databaseAims({ set, records, database }: SetResult): Aim[] {
  if (records < 100_000 || database === null) return [];
  const { memory, reopen, whileBuilding } = database;
  return [
    ...(memory?.processBytes == null
      ? []
      : [
          {
            aim: `≤ ${MEMORY_BYTES_MAX / 1e6} MB beyond an empty page`,
            set,
            measured: `${Math.round(memory.processBytes / 1e6)} MB`,
            isMet: memory.processBytes <= MEMORY_BYTES_MAX,
          },
        ]),
    ...(reopen === null
      ? []
      : [
          {
            aim: `open to first answer ≤ ${REOPEN_MS_MAX} ms`,
            set,
            measured: `${significant(reopen.firstMs.median)} ms`,
            isMet: reopen.firstMs.median <= REOPEN_MS_MAX,
          },
        ]),
    ...(whileBuilding === null
      ? []
      : [
          {
            aim: `query p99 while built < ${BUILDING_P99_MS_MAX} ms`,
            set,
            measured:
              `${significant(whileBuilding.ingest.p99Ms)} ms while rows came, ` +
              `${significant(whileBuilding.background.p99Ms)} ms while the graph was built`,
            isMet: Math.max(whileBuilding.ingest.p99Ms, whileBuilding.background.p99Ms) < BUILDING_P99_MS_MAX,
          },
        ]),
  ];
}

/** What a query has to read at least, and how long that takes at the machine's bandwidth. */
export interface Roofline {
  set: string;
  engine: string;
  bytes: number;
  /** At the bandwidth of copying as much as the codes take. */
  floorMs: number;
  p50Ms: number;
}

/** int8 codes in whole 16-byte steps, with slope and intercept. */
const rowBytes = (dimension: number): number => 16 * Math.ceil(dimension / 16) + 8;
/** Of a node's list on level 0, with M = 16 about full. */
const LIST_BYTES = 4 * 32;
/** Distances per list that is read, about: most neighbours were seen before. */
const DISTANCES_PER_LIST = 16;

export function rooflines(sets: readonly SetResult[]): Roofline[] {
  return sets.flatMap((set) =>
    [PORTABLE_FLAT, RELAXED_FLAT, PORTABLE_HNSW, RELAXED_HNSW].flatMap((engine) => {
      const result = engineOf(set, engine);
      if (!result?.at95) return [];
      const isGraph = hnswNames.includes(engine);
      const distances = isGraph ? result.distances : set.records;
      if (distances === null) return [];
      const bytes = distances * (rowBytes(set.dimension) + (isGraph ? LIST_BYTES / DISTANCES_PER_LIST : 0));
      return [{ set: set.set, engine, bytes, floorMs: (1000 * bytes) / set.bandwidth, p50Ms: result.at95.p50Ms.median }];
    }),
  );
}
