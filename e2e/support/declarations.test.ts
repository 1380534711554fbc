/** What is public in a set of declarations, and which of it has a comment. */
import { expect, test } from "vitest";
import { publicDeclarations } from "./declarations.js";

/** The names of what is public, those without a comment with a question mark behind them. */
function publicIn(files: Record<string, string>): string[] {
  return publicDeclarations(new Map(Object.entries(files)), ["index.d.ts"]).map(({ name, documented }) => (documented ? name : `${name}?`));
}

test("exports are followed through files, renamings and re-exports, and what nobody exports or mentions does not count", () => {
  const files = {
    "index.d.ts": `export { type A, b, type C as D } from "./api/a.js";\nexport type { E } from "./api/a.js";`,
    "api/a.d.ts": [
      `import type { F, Unused } from "../core/f.js";`,
      `import { type E } from "../core/f.js";`,
      "export type { E };",
      "/** Says. */\nexport type A = F | string;",
      "export declare const b: number;",
      "type Inner = 1;",
      "export interface C extends Inner {\n}",
      "export interface Hidden {\n    x: 1;\n}",
    ].join("\n"),
    "core/f.d.ts": "/** Says. */\nexport interface F {\n}\nexport interface E {\n}\nexport interface Unused {\n}",
  };
  expect(publicIn(files)).toEqual(["A", "F", "b?", "C?", "Inner?", "E?"]);
});

test("a name that leads nowhere is an error, and not one symbol less", () => {
  expect(() => publicIn({ "index.d.ts": `export { gone } from "./a.js";`, "a.d.ts": "" })).toThrow("a.d.ts has no gone");
});

test("a constant and a type of one name both count", () => {
  const text = `/** Says. */\nexport declare const A: {\n    /** Says. */\n    readonly x: "x";\n};\nexport type A = "x";`;
  expect(publicIn({ "index.d.ts": `export { A } from "./a.js";`, "a.d.ts": text })).toEqual(["A", "A.x", "A?"]);
});

test("members of every kind are found, private ones not", () => {
  const text = `/** Says. */
export declare class A {
    #private;
    /** Says. */
    static readonly x = "a;b";
    private constructor();
    /** Says. */
    constructor({ y }?: { y: number; });
    y?: string;
    /**
     * Says.
     */
    get z(): number;
    set z(z: number);
    set alone(z: number);
    "quoted": 1;
    [key: string]: unknown;
    /** @throws never. */
    method<T>(one: () => void, two: {
        a: number;
    }): Promise<{
        b: number;
    }>;
    last: 1;
}
`;
  const found = ["A", "A.x", "A.constructor", "A.y?", "A.z", "A.alone?", "A.method?", "A.last?"];
  expect(publicIn({ "index.d.ts": `export { A } from "./a.js";`, "a.d.ts": text })).toEqual(found);
});

test("types within types count with where they stand", () => {
  const text = `/** Says. */
export type A = {
    /** Says. */
    x: number;
} | {
    y: {
        /** Says. */
        z?: string;
    } | null;
} | {
    w: 1;
};`;
  expect(publicIn({ "index.d.ts": `export type { A } from "./a.js";`, "a.d.ts": text })).toEqual(["A", "A.x", "A.y?", "A.y.z", "A.w?"]);
});
