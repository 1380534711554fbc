/**
 * Lets an object with private members be used through a proxy, such as those that Vue's `reactive` and MobX make of what they are
 * given: a private member belongs to the object itself, and a method that is called on the proxy finds none. Methods that take
 * nothing refuse arguments here, since nobody else would see that there are any.
 *
 * The methods and getters of a class are wrapped once, when its first object is made, and not with the class: a class that calls
 * something while it is defined stays in every bundle, used or not.
 */
import { invalidArgument, show } from "../core/errors.js";
import { readArguments } from "./read-arguments.js";

/** Under which an object keeps the way to itself. A proxy gives it on as it is: it is a function. */
const SELF = Symbol("self");
const wrapped = new WeakSet<object>();

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Called by a constructor, with its own class and the names of methods that take no arguments: asynchronous ones, and one that is not. */
export function throughProxies(self: object, { prototype }: { prototype: object }, bare = "", bareAtOnce = ""): void {
  Object.defineProperty(self, SELF, { value: () => self, configurable: true });
  if (wrapped.has(prototype)) return;
  wrapped.add(prototype);
  for (const name of Reflect.ownKeys(prototype)) {
    const { value, get, ...rest } = Object.getOwnPropertyDescriptor(prototype, name)!;
    if (name === "constructor") continue;
    const called = bareAtOnce === name ? bareMethod(value) : bare.split(" ").includes(String(name)) ? bareAsync(value) : value;
    Object.defineProperty(prototype, name, get ? { ...rest, get: onSelf(get) } : { ...rest, value: onSelf(called) });
  }
}

function onSelf(method: Method): Method {
  return function (this: unknown, ...args) {
    return method.apply(selfOf(this), args);
  };
}

function bareMethod(method: Method): Method {
  return function (this: unknown, ...args) {
    if (args[0] !== undefined) throw invalidArgument(`${method.name} takes no arguments, got ${show(args[0])}`);
    return method.call(this);
  };
}

function bareAsync(method: Method): Method {
  const called = bareMethod(method);
  return async function (this: unknown, ...args) {
    return called.apply(this, args);
  };
}

/** The object behind a proxy; whatever is no such object is what it is. */
export function selfOf<T>(object: T): T {
  return readArguments("a method", () => (object as { [SELF]?: () => T } | null | undefined)?.[SELF]?.()) ?? object;
}
