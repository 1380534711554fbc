/**
 * Arguments compared by value, so that an object written inside a component, another one with each rendering, changes nothing while
 * it says nothing else.
 */
import { useState } from "react";

/** The value as it was when it last said something else. */
export function useKept<T>(value: T): T {
  const [kept, keep] = useState(() => value);
  if (isSame(kept, value)) return kept;
  keep(() => value);
  return value;
}

/**
 * Whether both say the same. Functions do, since what a component hands over is another one each time, and embedding functions of one
 * name: a collection has one model. Builders (`Search`, `K`, `Schema`) say what their JSON does.
 */
export function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one === "function") return typeof other === "function";
  if (!isObject(one) || !isObject(other) || Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (typeof one["generate"] === "function") return one["name"] === other["name"];
  for (const json of ["toJSON", "toPayload", "serializeToJSON"]) {
    if (typeof one[json] === "function") return isSame(one[json](), (other[json] as () => unknown)());
  }
  const names = Object.keys(one);
  const hasSame = (name: string): boolean => Object.hasOwn(other, name) && isSame(one[name], other[name]);
  return names.length === Object.keys(other).length && names.every(hasSame);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
