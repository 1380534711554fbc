/**
 * JSON written part by part, so that others have their turns while a large value becomes text. What makes one large are lists, which
 * are made and written item by item, and long texts.
 */

/** Characters of a part, about; and of a text that is written whole. */
const PART_UNITS = 65_536;
/** Items of a plain list that is written whole. */
const ITEMS_AT_ONCE = 4096;

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
  if (typeof value === "string") return value.length > PART_UNITS;
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Listed || (Array.isArray(value) && value.length > ITEMS_AT_ONCE)) return true;
  return Object.values(value).some(isLarge);
}

/** A pair of surrogates that is cut in two reads the same, since each half is escaped. */
function* longText(text: string): Generator<string, void, undefined> {
  yield '"';
  for (let at = 0; at < text.length; at += PART_UNITS) yield JSON.stringify(text.slice(at, at + PART_UNITS)).slice(1, -1);
  yield '"';
}

function* items(list: Listed | unknown[]): Generator<string, void, undefined> {
  yield "[";
  for (let i = 0; i < list.length; i++) {
    if (i > 0) yield ",";
    yield* written((Array.isArray(list) ? list[i] : list.at(i)) ?? null);
  }
  yield "]";
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
