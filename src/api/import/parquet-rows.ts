/** Values of a column of a Parquet file as one for each row, by their levels: a value, `null`, or a list. */
import type { Values } from "./parquet-values.js";

/** Of a column: the level at which a value is there, and the one at which an element of its list is; 0 where it has no list. */
export interface Depths {
  definition: number;
  list: number;
}

/** Values of a page, with levels where the column has such; a value is there where the definition level is the highest. */
export interface LeveledValues {
  values: Values;
  definitions: Uint32Array | null;
  repetitions: Uint32Array | null;
}

export interface PageRows {
  /** Elements that go on with the list of the last row of the page before. */
  continued: Values | null;
  rows: Values;
}

export function rowsOf(page: LeveledValues, depths: Depths): PageRows {
  const definitions = page.definitions?.every((level) => level === depths.definition) ? null : page.definitions;
  if (page.repetitions === null)
    return { continued: null, rows: definitions === null ? page.values : spread(page.values, definitions, depths) };
  const starts: number[] = [];
  page.repetitions.forEach((level, i) => void (level === 0 && starts.push(i)));
  const list = definitions === null ? wholeLists(page.values) : brokenLists(page.values, definitions, depths);
  const rows = starts.map((start, i) => list(start, starts[i + 1] ?? page.repetitions!.length));
  const first = starts[0] ?? page.repetitions.length;
  return { continued: first === 0 ? null : list(0, first)!, rows };
}

function spread(values: Values, definitions: Uint32Array, { definition }: Depths): Values {
  let next = 0;
  return Array.from(definitions, (level) => (level === definition ? values[next++] : null));
}

type Lists = (start: number, end: number) => Values | null;

/** Where each place has an element that is there. Numbers stay where they are. */
function wholeLists(values: Values): Lists {
  if (ArrayBuffer.isView(values)) return (start, end) => (values as Float32Array).subarray(start, end);
  return (start, end) => (values as unknown[]).slice(start, end);
}

/** Where some lists are missing or empty, or have elements that are missing. They are asked for from the first to the last. */
function brokenLists(values: Values, definitions: Uint32Array, { definition, list }: Depths): Lists {
  const ordinals = new Uint32Array(definitions.length + 1);
  for (let i = 0; i < definitions.length; i++) ordinals[i + 1] = ordinals[i]! + (definitions[i] === definition ? 1 : 0);
  const element = (i: number): unknown => (definitions[i] === definition ? values[ordinals[i]!] : null);
  return (start, end) => {
    if (definitions[start]! < list) return definitions[start] === list - 1 ? [] : null;
    if (ordinals[end]! - ordinals[start]! === end - start) return wholeLists(values)(ordinals[start]!, ordinals[end]!);
    return Array.from({ length: end - start }, (_, i) => element(start + i));
  };
}

/** Both, one after the other. */
export function joinLists(a: Values, b: Values): Values {
  if (!(a instanceof Float32Array && b instanceof Float32Array)) return [...Array.from(a), ...Array.from(b)];
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
