/**
 * What a body must look like, once for reading it and once for `openapi.json`. A shape reads a JSON value or throws a
 * `Mismatch` that says where and why in the words of Chroma's server; keys it does not know are left alone.
 */
import { locate, type Path, position } from "./json.js";
import { RestError } from "./rest-error.js";

export interface Shape<T> {
  read(value: unknown): T;
  /** As JSON Schema. */
  readonly schema: object;
  /** What an absent field stands for; without it the field is required. */
  readonly absent?: { value: T };
}

/** What the server has read when it finds the fault: the value, its key, a value that may be one of several, or the object around it. */
type Place = "end" | "key" | "variant" | "around";

/** A value that has not the shape it should have. Internal: {@link readBody} turns it into the response. */
class Mismatch extends Error {
  readonly place: Place;
  /** The way to the value, of which each list and object adds its step as the error passes through: where all is well it costs nothing. */
  readonly path: (string | number)[];

  constructor(message: string, place: Place = "end", path: (string | number)[] = []) {
    super(message);
    this.place = place;
    this.path = path;
  }
}

/** What reading a member threw, a step further out. */
function within(step: string | number, error: unknown): unknown {
  if (error instanceof Mismatch) error.path.unshift(step);
  return error;
}

/** Reads a parsed body; rejects it with 422 and the place in its text of what is wrong. */
export function readBody<T>(shape: Shape<T>, value: unknown, textOf: () => string): T {
  try {
    return shape.read(value);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const text = textOf();
    const place = locate(text, error.path);
    const end = error.place === "key" ? place.keyEnd : place.end;
    // Chroma's server has read one character past a list or object when it finds that no variant fits it.
    const read = error.place === "variant" && "]}".includes(text[end - 1] ?? " ") ? end + 1 : end;
    const where = showPath(error.place === "around" ? [] : error.path);
    const message = `${where}${where && ": "}${error.message}${position(text, Math.min(read, text.length))}`;
    throw new RestError(422, "ChromaError", `Failed to deserialize the JSON body into the target type: ${message}`);
  }
}

function showPath(path: Path): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

function wrongType(value: unknown, expected: string): Mismatch {
  return new Mismatch(`invalid type: ${describe(value)}, expected ${expected}`);
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return `string ${JSON.stringify(value.length > 200 ? `${value.slice(0, 200)}…` : value)}`;
  if (typeof value === "boolean") return `boolean \`${value}\``;
  if (typeof value === "number") return `${Number.isInteger(value) ? "integer" : "floating point"} \`${value}\``;
  return Array.isArray(value) ? "sequence" : "map";
}

export const text: Shape<string> = {
  schema: { type: "string" },
  read(value) {
    if (typeof value !== "string") throw wrongType(value, "a string");
    return value;
  },
};

export const flag: Shape<boolean> = {
  schema: { type: "boolean" },
  read(value) {
    if (typeof value !== "boolean") throw wrongType(value, "a boolean");
    return value;
  },
};

/** 0, 1, 2, … below 2³². */
export const count: Shape<number> = {
  schema: { type: "integer", format: "int32", minimum: 0 },
  read(value) {
    if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(value, "u32");
    if (value < 0 || value > 0xffffffff) throw new Mismatch(`invalid value: integer \`${value}\`, expected u32`);
    return value;
  },
};

export const float: Shape<number> = {
  schema: { type: "number" },
  read(value) {
    if (typeof value !== "number") throw wrongType(value, "f32");
    return value;
  },
};

/** Any JSON; whoever uses the value looks at it. */
export const anything: Shape<unknown> = { schema: {}, read: (value) => value };

export function list<T>(item: Shape<T>): Shape<T[]> {
  return {
    schema: { type: "array", items: item.schema },
    read(value) {
      if (!Array.isArray(value)) throw wrongType(value, "a sequence");
      let at = 0;
      try {
        const read: T[] = [];
        for (; at < value.length; at++) read.push(item.read(value[at]));
        return read;
      } catch (error) {
        throw within(at, error);
      }
    },
  };
}

/** `null` and absence mean the same: nothing is said. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return {
    schema: shape.schema,
    absent: { value: undefined },
    read: (value) => (value === null ? undefined : shape.read(value)),
  };
}

/** `null` where there is nothing. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return { schema: { anyOf: [shape.schema, { type: "null" }] }, read: (value) => (value === null ? null : shape.read(value)) };
}

export function oneOf<T extends string>(...variants: T[]): Shape<T> {
  return {
    schema: { type: "string", enum: variants },
    read(value) {
      if (typeof value !== "string") throw wrongType(value, "a string");
      if (!variants.includes(value as T)) throw new Mismatch(`unknown variant \`${value}\`, expected one of ${quoted(variants)}`);
      return value as T;
    },
  };
}

type Fields = Record<string, Shape<unknown>>;
type Read<F extends Fields> = { [K in keyof F]: ReturnType<F[K]["read"]> };

/** An object with these fields. `closed`: with no others. */
export function object<F extends Fields>(fields: F, closed = false): Shape<Read<F>> {
  const required = Object.keys(fields).filter((name) => fields[name]!.absent === undefined);
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema]));
  return {
    schema: { type: "object", properties, ...(required.length > 0 ? { required } : {}) },
    read(value) {
      const members = readMembers(value);
      const unknown = closed ? Object.keys(members).find((name) => !Object.hasOwn(fields, name)) : undefined;
      if (unknown !== undefined) {
        throw new Mismatch(`unknown field \`${unknown}\`, expected one of ${quoted(Object.keys(fields))}`, "key", [unknown]);
      }
      return Object.fromEntries(Object.entries(fields).map(([name, shape]) => [name, readField(members, name, shape)])) as Read<F>;
    },
  };
}

function readField(members: object, name: string, shape: Shape<unknown>): unknown {
  if (Object.hasOwn(members, name)) return readMember(members, name, shape);
  if (shape.absent === undefined) throw new Mismatch(`missing field \`${name}\``, "around");
  return shape.absent.value;
}

function readMember<T>(members: object, name: string, shape: Shape<T>): T {
  try {
    return shape.read((members as Record<string, unknown>)[name]);
  } catch (error) {
    throw within(name, error);
  }
}

function readMembers(value: unknown): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(value, "a map");
  return value;
}

/** An object of any keys whose values all have one shape. */
export function record<T>(item: Shape<T>): Shape<Record<string, T>> {
  return {
    schema: { type: "object", additionalProperties: item.schema },
    read(value) {
      const members = readMembers(value);
      return Object.fromEntries(Object.keys(members).map((name) => [name, readMember(members, name, item)]));
    },
  };
}

/** A value that fits one of several forms, told apart by `fits`; `name` is what Chroma's server calls it. */
export function untagged<T>(name: string, schema: object, fits: (value: unknown) => value is T): Shape<T> {
  return {
    schema,
    read(value) {
      if (!fits(value)) throw new Mismatch(`data did not match any variant of untagged enum ${name}`, "variant");
      return value;
    },
  };
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
