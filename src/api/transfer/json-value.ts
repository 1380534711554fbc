/**
 * JSON that keeps what `JSON.stringify` loses: the sign of a zero. Everything else that records can hold survives it, since numbers
 * are written with as many digits as they need, and there is no NaN and no infinity among them.
 *
 * A sparse vector among metadata is written as Chroma writes it, with `"#type": "sparse_vector"`, which tells it from other objects.
 */
import type { Metadata, MetadataValue, SparseVector } from "../../core/types.js";

/** Numbers as a JSON array. */
export function jsonOfNumbers(numbers: ArrayLike<number>): string {
  const list = Array.from(numbers);
  return list.some((number) => Object.is(number, -0)) ? `[${list.map(jsonOfNumber).join(",")}]` : JSON.stringify(list);
}

function jsonOfNumber(number: number): string {
  return Object.is(number, -0) ? "-0" : String(number);
}

export function jsonOfMetadata(metadata: Metadata | null): string {
  if (metadata === null) return "null";
  const fields = Object.entries(metadata).map(([key, value]) => `${JSON.stringify(key)}:${jsonOfValue(value)}`);
  return `{${fields.join(",")}}`;
}

function jsonOfValue(value: MetadataValue): string {
  if (typeof value === "number") return jsonOfNumber(value);
  if (Array.isArray(value)) return typeof value[0] === "number" ? jsonOfNumbers(value as number[]) : JSON.stringify(value);
  return isSparse(value) ? jsonOfSparse(value) : JSON.stringify(value);
}

function jsonOfSparse({ indices, values }: SparseVector): string {
  return `{"#type":"sparse_vector","indices":${jsonOfNumbers(indices)},"values":${jsonOfNumbers(values)}}`;
}

export function isSparse(value: MetadataValue): value is SparseVector {
  return typeof value === "object" && !Array.isArray(value);
}
