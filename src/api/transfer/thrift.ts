/**
 * Thrift's compact protocol, as far as Parquet's footer and page headers need it. A struct is written from its fields by their ids,
 * ascending; a field without a value is left out. Integers are zigzag varints, and none here is negative.
 */
import type { ByteSink } from "./byte-sink.js";

/** A value with its type in the protocol. */
export type ThriftValue =
  | { type: "i32" | "i64"; value: number }
  | { type: "text"; value: string }
  | { type: "list"; of: ThriftValue["type"]; values: readonly ThriftValue[] }
  | { type: "struct"; fields: ThriftFields };

export type ThriftFields = { readonly [id: number]: ThriftValue };

const TYPE_IDS: Record<ThriftValue["type"], number> = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 };
/** Lengths of lists, and steps between ids, up to which they share a byte with a type. */
const SHORT_MAX = 14;

export const i32 = (value: number): ThriftValue => ({ type: "i32", value });
export const i64 = (value: number): ThriftValue => ({ type: "i64", value });
export const text = (value: string): ThriftValue => ({ type: "text", value });
export const struct = (fields: ThriftFields): ThriftValue => ({ type: "struct", fields });
export const list = (of: ThriftValue["type"], values: readonly ThriftValue[]): ThriftValue => ({ type: "list", of, values });

/** The fields of a struct, and its end. Ids are at most 15 apart. */
export function writeStruct(sink: ByteSink, fields: ThriftFields): void {
  let last = 0;
  // Keys that are whole numbers come ascending.
  for (const [key, value] of Object.entries(fields)) {
    const id = Number(key);
    sink.u8(((id - last) << 4) | TYPE_IDS[value.type]);
    writeValue(sink, value);
    last = id;
  }
  sink.u8(0);
}

function writeValue(sink: ByteSink, value: ThriftValue): void {
  if (value.type === "struct") writeStruct(sink, value.fields);
  else if (value.type === "text") sink.text(value.value, (length) => sink.varint(length));
  else if (value.type === "list") writeList(sink, value.of, value.values);
  else sink.varint(value.value * 2);
}

function writeList(sink: ByteSink, of: ThriftValue["type"], values: readonly ThriftValue[]): void {
  const isShort = values.length <= SHORT_MAX;
  sink.u8(((isShort ? values.length : 15) << 4) | TYPE_IDS[of]);
  if (!isShort) sink.varint(values.length);
  for (const value of values) writeValue(sink, value);
}
