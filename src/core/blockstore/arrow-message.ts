/**
 * The framing of a block: an Arrow IPC stream of exactly one schema message and one record batch.
 *
 *   block   := schema batch end
 *   schema  := prefix Message(Schema)                     no body
 *   batch   := prefix Message(RecordBatch) body           body: the buffers, each padded with zeros to 8 bytes
 *   prefix  := FF FF FF FF, int32 length of the Message including its padding to 8 bytes
 *   end     := FF FF FF FF 00 00 00 00
 *
 * Integers are little-endian, and so is every platform with a JavaScript engine. Only apache-arrow's generated FlatBuffers
 * accessors are used: the writers and readers above them cost ten times the bundle size, and trust every length they meet.
 * Here nothing read is trusted: counts and ranges are checked against the bytes at hand before anything follows them.
 */
import { Bool } from "apache-arrow/fb/bool";
import { Buffer as BufferStruct } from "apache-arrow/fb/buffer";
import { Endianness } from "apache-arrow/fb/endianness";
import { Field } from "apache-arrow/fb/field";
import { FieldNode } from "apache-arrow/fb/field-node";
import { FixedSizeList } from "apache-arrow/fb/fixed-size-list";
import { FloatingPoint } from "apache-arrow/fb/floating-point";
import { Int } from "apache-arrow/fb/int";
import { KeyValue } from "apache-arrow/fb/key-value";
import { List } from "apache-arrow/fb/list";
import { Message } from "apache-arrow/fb/message";
import { MessageHeader } from "apache-arrow/fb/message-header";
import { MetadataVersion } from "apache-arrow/fb/metadata-version";
import { Precision } from "apache-arrow/fb/precision";
import { RecordBatch } from "apache-arrow/fb/record-batch";
import { Schema } from "apache-arrow/fb/schema";
import { Type } from "apache-arrow/fb/type";
import { Utf8 } from "apache-arrow/fb/utf8";
import { Builder, ByteBuffer } from "flatbuffers";
import { TidepoolError } from "../errors.js";

/** The Arrow type of a column's values, or of the elements of its lists. */
export type Item = "u32" | "i8" | "f32" | "f64" | "bool" | "utf8";

export interface FieldShape {
  name: string;
  item: Item;
  /** Whether a row is one item, a list of items, or a list of exactly `width` of them. */
  list: "none" | "variable" | "fixed";
  width: number;
  nullable: boolean;
}

export interface NodeShape {
  length: number;
  nullCount: number;
}

/** A range of the record batch's body. */
export interface BufferRange {
  offset: number;
  length: number;
}

export interface BatchShape {
  rows: number;
  nodes: NodeShape[];
  buffers: BufferRange[];
  bodyLength: number;
}

export interface DecodedStream extends BatchShape {
  fields: FieldShape[];
  metadata: Map<string, string>;
  /** Where the body begins, counted from the first byte of the block. */
  bodyStart: number;
}

const PREFIX_LENGTH = 8;

/** Arrow's 32-bit offsets, and counts of rows, end here. */
export const OFFSET_MAX = 0x7fffffff;

export const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

export function corruption(message: string, cause?: unknown): TidepoolError {
  return new TidepoolError("CORRUPTION", message, { cause });
}

export function columnTooLarge(): TidepoolError {
  return new TidepoolError("LIMIT_EXCEEDED", `A column of one block holds more than ${OFFSET_MAX} bytes or elements.`);
}

export function padTo8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

// ---------------------------------------------------------------------------------------------------------- encoding

export function encodeSchemaMessage(fields: readonly FieldShape[], metadata: Record<string, string>): Uint8Array<ArrayBuffer> {
  const builder = new Builder(256);
  const fieldsVector = Schema.createFieldsVector(
    builder,
    fields.map((field) => encodeField(builder, field)),
  );
  const pairs = Object.entries(metadata).map(([key, value]) => encodePair(builder, key, value));
  const metadataVector = Schema.createCustomMetadataVector(builder, pairs);
  Schema.startSchema(builder);
  Schema.addEndianness(builder, Endianness.Little);
  Schema.addFields(builder, fieldsVector);
  Schema.addCustomMetadata(builder, metadataVector);
  return frame(builder, MessageHeader.Schema, Schema.endSchema(builder), 0);
}

export function encodeBatchMessage(batch: BatchShape): Uint8Array {
  const builder = new Builder(256);
  RecordBatch.startNodesVector(builder, batch.nodes.length);
  for (const node of batch.nodes.toReversed()) FieldNode.createFieldNode(builder, BigInt(node.length), BigInt(node.nullCount));
  const nodes = builder.endVector();
  RecordBatch.startBuffersVector(builder, batch.buffers.length);
  for (const range of batch.buffers.toReversed()) BufferStruct.createBuffer(builder, BigInt(range.offset), BigInt(range.length));
  const buffers = builder.endVector();
  RecordBatch.startRecordBatch(builder);
  RecordBatch.addLength(builder, BigInt(batch.rows));
  RecordBatch.addNodes(builder, nodes);
  RecordBatch.addBuffers(builder, buffers);
  return frame(builder, MessageHeader.RecordBatch, RecordBatch.endRecordBatch(builder), batch.bodyLength);
}

function frame(builder: Builder, type: MessageHeader, header: number, bodyLength: number): Uint8Array<ArrayBuffer> {
  Message.finishMessageBuffer(builder, Message.createMessage(builder, MetadataVersion.V5, type, header, BigInt(bodyLength), 0));
  const message = builder.asUint8Array();
  const framed = new Uint8Array(PREFIX_LENGTH + padTo8(message.length));
  const view = new DataView(framed.buffer);
  view.setInt32(0, -1, true);
  view.setInt32(4, framed.length - PREFIX_LENGTH, true);
  framed.set(message, PREFIX_LENGTH);
  return framed;
}

function encodePair(builder: Builder, key: string, value: string): number {
  return KeyValue.createKeyValue(builder, builder.createString(key), builder.createString(value));
}

function encodeField(builder: Builder, field: FieldShape): number {
  if (field.list === "none") return encodeLeaf(builder, field.name, field.item, field.nullable);
  const child = encodeLeaf(builder, "item", field.item, false);
  const type = field.list === "fixed" ? FixedSizeList.createFixedSizeList(builder, field.width) : encodeListType(builder);
  const typeType = field.list === "fixed" ? Type.FixedSizeList : Type.List;
  return finishField(builder, field.name, typeType, type, [child], field.nullable);
}

function encodeListType(builder: Builder): number {
  List.startList(builder);
  return List.endList(builder);
}

function encodeLeaf(builder: Builder, name: string, item: Item, nullable: boolean): number {
  const [typeType, type] = encodeItemType(builder, item);
  return finishField(builder, name, typeType, type, [], nullable);
}

function encodeItemType(builder: Builder, item: Item): [Type, number] {
  switch (item) {
    case "u32":
      return [Type.Int, Int.createInt(builder, 32, false)];
    case "i8":
      return [Type.Int, Int.createInt(builder, 8, true)];
    case "f32":
      return [Type.FloatingPoint, FloatingPoint.createFloatingPoint(builder, Precision.SINGLE)];
    case "f64":
      return [Type.FloatingPoint, FloatingPoint.createFloatingPoint(builder, Precision.DOUBLE)];
    case "bool":
      Bool.startBool(builder);
      return [Type.Bool, Bool.endBool(builder)];
    case "utf8":
      Utf8.startUtf8(builder);
      return [Type.Utf8, Utf8.endUtf8(builder)];
  }
}

function finishField(builder: Builder, name: string, typeType: Type, type: number, children: number[], nullable: boolean): number {
  const nameOffset = builder.createString(name);
  const childrenVector = Field.createChildrenVector(builder, children);
  Field.startField(builder);
  Field.addName(builder, nameOffset);
  Field.addNullable(builder, nullable);
  Field.addTypeType(builder, typeType);
  Field.addType(builder, type);
  Field.addChildren(builder, childrenVector);
  return Field.endField(builder);
}

// ---------------------------------------------------------------------------------------------------------- decoding

/** Reads schema and batch of a block, checked: every buffer lies inside the body and begins at a multiple of 8. */
export function decodeStream(bytes: Uint8Array): DecodedStream {
  const schema = decodeSchema(bytes);
  const batch = readMessage(bytes, schema.end, MessageHeader.RecordBatch);
  const bodyLength = toLength(batch.message.bodyLength(), bytes.length - batch.end, "body length");
  expectEnd(bytes, batch.end + bodyLength);
  return {
    fields: schema.fields,
    metadata: schema.metadata,
    ...readBatch(batch, bodyLength),
    bodyLength,
    bodyStart: batch.end,
  };
}

interface DecodedSchema {
  /** The encoded message, from the first byte of the block. */
  bytes: Uint8Array;
  end: number;
  fields: FieldShape[];
  metadata: Map<string, string>;
}

/** Blocks of one kind are read one after the other and have the same schema, whose decoding takes most of the time. */
let lastSchema: DecodedSchema | null = null;

function decodeSchema(bytes: Uint8Array): DecodedSchema {
  if (lastSchema?.bytes.every((byte, i) => byte === bytes[i])) return lastSchema;
  const message = readMessage(bytes, 0, MessageHeader.Schema);
  lastSchema = { bytes: bytes.slice(0, message.end), end: message.end, ...readSchema(message) };
  return lastSchema;
}

interface FramedMessage {
  message: Message;
  /** Bytes of the Message: no count inside it can exceed this. */
  length: number;
  end: number;
}

function readMessage(bytes: Uint8Array, start: number, type: MessageHeader): FramedMessage {
  if (bytes.length - start < PREFIX_LENGTH) throw corruption(`it ends after ${bytes.length} bytes, before message ${type}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, PREFIX_LENGTH);
  const length = view.getInt32(4, true);
  const end = start + PREFIX_LENGTH + length;
  if (view.getInt32(0, true) !== -1 || length <= 0 || length % 8 !== 0 || end > bytes.length) {
    throw corruption(`the prefix of message ${type} at byte ${start} is not one of an Arrow stream`);
  }
  const message = Message.getRootAsMessage(new ByteBuffer(bytes.subarray(start + PREFIX_LENGTH, end)));
  if (message.version() !== MetadataVersion.V5 || message.headerType() !== type) {
    throw corruption(`the message at byte ${start} has version ${message.version()} and type ${message.headerType()}, not ${type}`);
  }
  return { message, length, end };
}

function expectEnd(bytes: Uint8Array, end: number): void {
  const complete = end + END_OF_STREAM.length === bytes.length && END_OF_STREAM.every((byte, i) => bytes[end + i] === byte);
  if (!complete) throw corruption(`the end of the stream is not at byte ${end} of ${bytes.length}`);
}

function readSchema({ message, length }: FramedMessage): { fields: FieldShape[]; metadata: Map<string, string> } {
  const schema = message.header(new Schema()) as Schema | null;
  if (schema === null || schema.endianness() !== Endianness.Little) throw corruption("it has no little-endian schema");
  const fields = readVector(schema.fieldsLength(), length, "fields", (i) => schema.fields(i)).map(readField);
  const pairs = readVector(schema.customMetadataLength(), length, "metadata", (i) => schema.customMetadata(i));
  return { fields, metadata: new Map(pairs.map((pair) => [pair.key() ?? "", pair.value() ?? ""])) };
}

function readBatch({ message, length }: FramedMessage, bodyLength: number): Omit<BatchShape, "bodyLength"> {
  const batch = message.header(new RecordBatch()) as RecordBatch | null;
  if (batch === null || batch.compression() !== null) throw corruption("it has no uncompressed record batch");
  const nodes = readVector(batch.nodesLength(), length, "nodes", (i) => batch.nodes(i)).map(readNode);
  const buffers = readVector(batch.buffersLength(), length, "buffers", (i) => batch.buffers(i)).map((range) =>
    readRange(range, bodyLength),
  );
  return { rows: toLength(batch.length(), OFFSET_MAX, "rows"), nodes, buffers };
}

function readVector<T>(count: number, countMax: number, what: string, at: (i: number) => T | null): T[] {
  if (count < 0 || count > countMax) throw corruption(`it claims ${count} ${what}`);
  return Array.from({ length: count }, (_, i) => {
    const value = at(i);
    if (value === null) throw corruption(`entry ${i} of its ${what} is missing`);
    return value;
  });
}

function readNode(node: FieldNode): NodeShape {
  const length = toLength(node.length(), OFFSET_MAX, "node length");
  return { length, nullCount: toLength(node.nullCount(), length, "null count") };
}

function readRange(range: BufferStruct, bodyLength: number): BufferRange {
  const offset = toLength(range.offset(), bodyLength, "buffer offset");
  if (offset % 8 !== 0) throw corruption(`a buffer begins at byte ${offset} of the body, which is not a multiple of 8`);
  return { offset, length: toLength(range.length(), bodyLength - offset, "buffer length") };
}

function toLength(value: bigint, max: number, what: string): number {
  if (value < 0n || value > BigInt(max)) throw corruption(`its ${what} is ${value}, but at most ${max} is possible`);
  return Number(value);
}

function readField(field: Field): FieldShape {
  const shape = { name: field.name() ?? "", nullable: field.nullable(), width: 1 };
  const typeType = field.typeType();
  if (typeType !== Type.List && typeType !== Type.FixedSizeList) return { ...shape, item: readItem(field), list: "none" };
  const child = field.childrenLength() === 1 ? field.children(0) : null;
  if (child === null) throw corruption(`list column "${shape.name}" has no single child`);
  if (typeType === Type.List) return { ...shape, item: readItem(child), list: "variable" };
  const width = (field.type(new FixedSizeList()) as FixedSizeList | null)?.listSize() ?? 0;
  if (width <= 0) throw corruption(`column "${shape.name}" has lists of width ${width}`);
  return { ...shape, item: readItem(child), list: "fixed", width };
}

function readItem(field: Field): Item {
  const typeType = field.typeType();
  if (typeType === Type.Bool) return "bool";
  if (typeType === Type.Utf8) return "utf8";
  if (typeType === Type.FloatingPoint) {
    const precision = (field.type(new FloatingPoint()) as FloatingPoint | null)?.precision();
    if (precision === Precision.SINGLE) return "f32";
    if (precision === Precision.DOUBLE) return "f64";
  }
  if (typeType === Type.Int) {
    const int = field.type(new Int()) as Int | null;
    if (int?.bitWidth() === 32 && !int.isSigned()) return "u32";
    if (int?.bitWidth() === 8 && int.isSigned()) return "i8";
  }
  throw corruption(`column "${field.name()}" has an Arrow type that no block holds`);
}
