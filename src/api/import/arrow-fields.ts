/** What the fields of an Arrow schema are. */
import { Date as ArrowDate } from "apache-arrow/fb/date";
import { DateUnit } from "apache-arrow/fb/date-unit";
import type { Field } from "apache-arrow/fb/field";
import { FixedSizeList } from "apache-arrow/fb/fixed-size-list";
import { FloatingPoint } from "apache-arrow/fb/floating-point";
import { Int } from "apache-arrow/fb/int";
import { Precision } from "apache-arrow/fb/precision";
import { TimeUnit } from "apache-arrow/fb/time-unit";
import { Timestamp } from "apache-arrow/fb/timestamp";
import { Type } from "apache-arrow/fb/type";
import { within } from "./arrow-messages.js";
import { numberOfBits } from "./half-floats.js";
import { numberWherePossible } from "./table-rows.js";

/** How numbers lie in a buffer, and what each becomes; `null`: what it is. */
export interface NumberShape {
  array: { new (buffer: ArrayBuffer, offset: number, length: number): ArrayLike<unknown>; readonly BYTES_PER_ELEMENT: number };
  become: ((value: never) => unknown) | null;
}

/** What a field is, with the fields in it. */
export interface ArrowField {
  name: string;
  type: Type;
  children: readonly ArrowField[];
  /** Of numbers and points in time. */
  numbers: NumberShape | null;
  /** Of what stands for values of a dictionary. */
  indices: NumberShape | null;
  /** Elements of a list of fixed size. */
  size: number;
  /** Which dictionary its values are in. */
  dictionary: bigint | null;
}

/** Fields in fields that are looked into, and fields in one. */
const DEPTH_MAX = 8;
const CHILDREN_MAX = 10_000;
const LIST_SIZE_MAX = 2 ** 20;

export function readField(field: Field, depth = 0): ArrowField {
  if (depth > DEPTH_MAX) throw new Error("its columns have columns in them beyond all measure");
  const type = field.typeType();
  const encoding = field.dictionary();
  const count = within(field.childrenLength(), CHILDREN_MAX, "number of columns in a column");
  return {
    name: field.name() ?? "",
    type,
    children: Array.from({ length: count }, (_, i) => readField(field.children(i)!, depth + 1)),
    numbers: numbersOf(field, type),
    size:
      type === Type.FixedSizeList ? within((field.type(new FixedSizeList()) as FixedSizeList).listSize(), LIST_SIZE_MAX, "list size") : 0,
    dictionary: encoding?.id() ?? null,
    indices: indicesOf(field),
  };
}

/** Indices into a dictionary are signed numbers of 4 bytes where the schema does not say. */
function indicesOf(field: Field): NumberShape | null {
  const encoding = field.dictionary();
  if (encoding === null) return null;
  const int = encoding.indexType();
  return int === null ? { array: Int32Array, become: null } : ints(int);
}

function numbersOf(field: Field, type: Type): NumberShape | null {
  if (type === Type.Int) return ints(field.type(new Int()) as Int);
  if (type === Type.FloatingPoint) return floats((field.type(new FloatingPoint()) as FloatingPoint).precision());
  if (type === Type.Timestamp) return { array: BigInt64Array, become: BECOME[(field.type(new Timestamp()) as Timestamp).unit()] };
  if (type !== Type.Date) return null;
  if ((field.type(new ArrowDate()) as ArrowDate).unit() === DateUnit.MILLISECOND) return { array: BigInt64Array, become: Number };
  return { array: Int32Array, become: (days: number) => days * 86_400_000 };
}

/** Points in time become milliseconds since 1970. */
const BECOME: Record<TimeUnit, (time: bigint) => number> = {
  [TimeUnit.SECOND]: (time) => Number(time) * 1000,
  [TimeUnit.MILLISECOND]: Number,
  [TimeUnit.MICROSECOND]: (time) => Number(time) / 1000,
  [TimeUnit.NANOSECOND]: (time) => Number(time / 1000n) / 1000,
};

function floats(precision: Precision): NumberShape {
  if (precision === Precision.HALF) return { array: Uint16Array, become: numberOfBits };
  return { array: precision === Precision.SINGLE ? Float32Array : Float64Array, become: null };
}

function ints(int: Int): NumberShape {
  const width = Math.log2(int.bitWidth() / 8);
  const array = (
    int.isSigned() ? [Int8Array, Int16Array, Int32Array, BigInt64Array] : [Uint8Array, Uint16Array, Uint32Array, BigUint64Array]
  )[width];
  if (array === undefined) throw new Error(`numbers of ${int.bitWidth()} bits are not supported`);
  return { array, become: width === 3 ? numberWherePossible : null };
}

/** Whether values of the field are points in time. */
export function isTimeField({ type }: ArrowField): boolean {
  return type === Type.Timestamp || type === Type.Date;
}

/** Why nothing of a record can be such a column; `null` where something can. */
export function whyNot({ type, children }: ArrowField): string | null {
  if (type === Type.Map) return "a map";
  const isList = type === Type.List || type === Type.LargeList || type === Type.FixedSizeList;
  const inside = isList ? children[0]?.type : null;
  if (inside === Type.Struct_) return "a list of objects";
  if (inside === Type.List || inside === Type.LargeList || inside === Type.FixedSizeList) return "a list of lists";
  return OTHERS.has(type) ? `of the type ${Type[type]}` : (children.map(whyNot).find((why) => why !== null) ?? null);
}

/** Known by how many buffers they have, and not read. */
const OTHERS: ReadonlySet<Type> = new Set([Type.Decimal, Type.Time, Type.Interval, Type.Duration]);
