/**
 * JSON written part by part, so that others have their turns while a large value becomes text. What makes one large are lists, which
 * are made and written item by item, and long texts.
 */

/** Characters of a part, about; and of a text that is written whole. */
const PART_UNITS = 65_536;
/** Items of a plain list that is written whole. */
const ITEMS_AT_ONCE = 4096;

/** Characters of small items that are written together, about. */
const RUN_UNITS = 8192;
/** What stands around a value, or is one that is no text. */
const UNITS_AROUND = 8;

/** A list of which an item is made when it is written. */
export class Listed {
  readonly length: number;
  readonly at: (i: number) => unknown;

  constructor(length: number, at: (i: number) => unknown) {
    this.length = length;
    this.at = at;
  }

  static of<T>(items: readonly T[], toWire: (item: T) => unknown = (item) => item): Listed {
    return new Listed(items.length, (i) => toWire(items[i]!));
  }

  /** Its items in groups, one for each count. */
  nested(counts: readonly number[]): Listed {
    let end = 0;
    const starts = counts.map((count) => (end += count) - count);
    return new Listed(counts.length, (group) => new Listed(counts[group]!, (i) => this.at(starts[group]! + i)));
  }
}

/** The JSON of a value in parts, whose `Listed` are lists. */
export function* jsonParts(value: unknown): Generator<string, void, undefined> {
  let part = "";
  for (const text of written(value)) {
    part += text;
    if (part.length < PART_UNITS) continue;
    yield part;
    part = "";
  }
  yield part;
}

function* written(value: unknown): Generator<string, void, undefined> {
  if (!isLarge(value)) yield JSON.stringify(value) ?? "";
  else if (typeof value === "string") yield* longText(value);
  else if (value instanceof Listed || Array.isArray(value)) yield* items(value as Listed | unknown[]);
  else yield* members(value as object);
}

function isLarge(value: unknown): boolean {
  return unitsOf(value) === Infinity;
}

/** About how many characters a value takes; `Infinity` where something in it is not written whole. */
function unitsOf(value: unknown): number {
  if (typeof value === "string") return value.length > PART_UNITS ? Infinity : value.length + UNITS_AROUND;
  if (typeof value !== "object" || value === null) return UNITS_AROUND;
  if (value instanceof Listed) return Infinity;
  if (Array.isArray(value)) return value.length > ITEMS_AT_ONCE ? Infinity : value.reduce<number>(addUnits, UNITS_AROUND);
  let units = UNITS_AROUND;
  for (const key of Object.keys(value)) units += key.length + unitsOf((value as Record<string, unknown>)[key]);
  return units;
}

function addUnits(sum: number, value: unknown): number {
  return sum + unitsOf(value);
}

/** A pair of surrogates that is cut in two reads the same, since each half is escaped. */
function* longText(text: string): Generator<string, void, undefined> {
  yield '"';
  for (let at = 0; at < text.length; at += PART_UNITS) yield JSON.stringify(text.slice(at, at + PART_UNITS)).slice(1, -1);
  yield '"';
}

/** Small items are gathered and written together, which takes a fraction of the time. */
function* items(list: Listed | unknown[]): Generator<string, void, undefined> {
  yield "[";
  let run: unknown[] = [];
  let runUnits = 0;
  for (let i = 0; i < list.length; i++) {
    const item = (Array.isArray(list) ? list[i] : list.at(i)) ?? null;
    const units = unitsOf(item);
    const lead = i > run.length ? "," : "";
    if (run.length > 0 && runUnits + units > RUN_UNITS) {
      yield lead + withoutBrackets(run);
      [run, runUnits] = [[], 0];
    }
    if (units === Infinity) {
      if (i > 0) yield ",";
      yield* written(item);
    } else {
      run.push(item);
      runUnits += units;
    }
  }
  if (run.length > 0) yield (list.length > run.length ? "," : "") + withoutBrackets(run);
  yield "]";
}

function withoutBrackets(run: unknown[]): string {
  return JSON.stringify(run).slice(1, -1);
}

function* members(object: object): Generator<string, void, undefined> {
  let lead = "{";
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue;
    yield `${lead}${JSON.stringify(key)}:`;
    yield* written(value);
    lead = ",";
  }
  yield lead === "{" ? "{}" : "}";
}
