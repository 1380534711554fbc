/**
 * Nested metadata as the flat metadata that records have: what stands inside objects gets dotted keys, and nothing is lost
 * without being told. Loaded when it is first needed.
 */
import { beyondLimit, invalidArgument, show } from "../core/errors.js";
import { validateMetadata, type WriteOperation } from "../core/gateway/validate/records.js";
import { validateObject } from "../core/gateway/validate/values.js";
import { limits } from "../core/limits.js";
import type { TidepoolWarning } from "../core/service.js";
import type { MetadataPatch, MetadataValue } from "../core/types.js";
import { copyOf, isPlain, readArguments } from "./read-arguments.js";
import { Slice } from "./slice.js";

/** What {@link flattenMetadata} answers. */
export interface FlattenedMetadata {
  /** Flat metadata, as `add`, `upsert` and `update` take it; `null` where nothing is left. */
  metadata: MetadataPatch | null;
  /** The dotted keys that were left out, since their values were empty arrays or empty objects, in the order in which they stood. */
  dropped: string[];
}

/** Keys that the message of a warning names. */
const DROPPED_SHOWN_MAX = 5;

/**
 * Makes nested metadata flat: `{ loc: { from: 1 } }` becomes `{ "loc.from": 1 }`. Empty arrays and empty objects, which cannot be stored,
 * are left out and told in `dropped`; so are keys whose value is `undefined`, which say nothing. `null`, sparse vectors and arrays of one
 * type of scalars stay as they are. `add`, `upsert` and `update` do this themselves with `metadata: "flatten"`.
 *
 * @throws `INVALID_ARGUMENT` for two values of one dotted key, and for what no metadata may be, such as a `Date`, a number that is not
 *   finite, or a list of objects; `LIMIT_EXCEEDED` for objects more than 64 deep, and for more than 1,024 keys.
 *
 * @example
 * const { metadata, dropped } = flattenMetadata({ source: "a.pdf", loc: { lines: { from: 1, to: 9 } }, tags: [] });
 * console.log(metadata); // {"source":"a.pdf","loc.lines.from":1,"loc.lines.to":9}
 * console.log(dropped); // ["tags"]
 */
export function flattenMetadata(metadata: object): FlattenedMetadata {
  return readArguments("flattenMetadata", () => flattenOne(copyOf(metadata), "metadata"));
}

/** Flattens the metadata of a call's records, and warns once of what it leaves out. `null` is kept where it deletes a key. */
export async function flattenColumn(
  metadatas: readonly unknown[],
  operation: WriteOperation,
  warn: (warning: TidepoolWarning) => void,
): Promise<(MetadataPatch | null)[]> {
  const flat: (MetadataPatch | null)[] = [];
  const dropped: string[] = [];
  const slice = new Slice();
  for (const [i, nested] of metadatas.entries()) {
    const argument = `metadatas[${i}]`;
    const one = nested == null ? null : flattenOne(nested, argument);
    flat.push(operation === "add" ? withoutNulls(one?.metadata) : (one?.metadata ?? null));
    for (const key of one?.dropped ?? []) dropped.push(`${argument}[${show(key)}]`);
    await slice.tick();
  }
  if (dropped.length > 0) warn({ code: "METADATA_DROPPED", message: droppedMessage(dropped) });
  return flat;
}

function droppedMessage(dropped: readonly string[]): string {
  const more = dropped.length > DROPPED_SHOWN_MAX ? ` and ${dropped.length - DROPPED_SHOWN_MAX} more` : "";
  const shown = dropped.slice(0, DROPPED_SHOWN_MAX).join(", ");
  return `${shown}${more} were left out: metadata cannot hold empty arrays and empty objects`;
}

function withoutNulls(metadata: MetadataPatch | null | undefined): MetadataPatch | null {
  const entries = Object.entries(metadata ?? {}).filter(([, value]) => value !== null);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function flattenOne(nested: unknown, argument: string): FlattenedMetadata {
  validateObject(nested, argument);
  const flattening = new Flattening(argument);
  flattening.take(nested, "", 1);
  const { values, dropped } = flattening;
  if (values.size === 0) return { metadata: null, dropped };
  const metadata: unknown = Object.fromEntries(values);
  validateMetadata(metadata, argument, true);
  return { metadata, dropped };
}

/** The entries of one record's metadata under their dotted keys. */
class Flattening {
  readonly values = new Map<string, unknown>();
  readonly dropped: string[] = [];
  readonly #argument: string;

  constructor(argument: string) {
    this.#argument = argument;
  }

  take(object: object, prefix: string, depth: number): void {
    if (depth > limits.metadataDepthMax)
      throw beyondLimit(`${this.#argument} has more objects within each other`, "metadataDepthMax", limits.metadataDepthMax);
    for (const [key, value] of Object.entries(object)) {
      if (value === undefined) continue;
      if (isEmpty(value)) this.dropped.push(prefix + key);
      else if (isNested(value)) this.take(value, `${prefix}${key}.`, depth + 1);
      else this.#set(prefix + key, value);
    }
  }

  #set(key: string, value: MetadataValue | null): void {
    if (this.values.has(key)) {
      throw invalidArgument(`${this.#argument} has two values for ${show(key)} when its nested objects are flattened; rename one of them`);
    }
    this.values.set(key, value);
    if (this.values.size > limits.metadataKeysMax)
      throw beyondLimit(`${this.#argument} has more keys`, "metadataKeysMax", limits.metadataKeysMax);
  }
}

/** An object of plain data that is no sparse vector. Objects of classes are left to be refused. */
function isNested(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { indices, values } = value as Record<string, unknown>;
  return isPlain(value) && !(Array.isArray(indices) && Array.isArray(values));
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isNested(value) && Object.keys(value).length === 0;
}
