/** What error messages show of values: bounded, and never failing, since they are made where something is wrong already. */
import { describe, expect, test } from "vitest";
import { show } from "./errors.js";

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const circle: unknown[] = [];
circle.push(circle, { circle });

describe("show", () => {
  test.each([
    ["a", '"a"'],
    [5, "5"],
    [Number.NaN, "NaN"],
    [12n, "12n"],
    [null, "null"],
    [undefined, "undefined"],
    [Symbol("s"), "Symbol(s)"],
    [() => 1, "a function"],
    [[1, "b", null, undefined, [true]], '[1,"b",null,undefined,[true]]'],
    [{ a: 1, "b c": { d: [] } }, '{"a":1,"b c":{"d":[]}}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Float32Array(3), "[object Float32Array]"],
    [Object.create(null), "{}"],
    [new Map(), "[object Map]"],
    [{ toJSON: () => undefined }, "undefined"],
    ["x".repeat(100), `"${"x".repeat(76)}...`],
    [circle, `${"[".repeat(77)}...`],
  ])("%#", (value, shown) => {
    expect(show(value)).toBe(shown);
  });

  test("says so of a value that cannot be read", () => {
    expect(show(revoked())).toBe("a value of type object that cannot be read");
    expect(show({ a: [revoked()] })).toBe("a value of type object that cannot be read");
  });

  test("reads no more of a large value than it shows", () => {
    let reads = 0;
    const counting = new Proxy(new Array(2 ** 32 - 1), { get: (target, key) => (key === "length" ? target.length : reads++) });
    expect(show({ counting })).toHaveLength(80);
    expect(reads).toBeLessThan(100);
  });
});
