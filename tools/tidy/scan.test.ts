import { expect, test } from "vitest";
import { importsOf } from "./scan.js";

test("statements are found in every form, and comments and strings are not code", () => {
  const code = [
    'import { a } from "./a.js";',
    'import type { B } from "./b.js";',
    'import { type C, type D } from "./c.js";',
    'import { type E, f } from "./e.js";',
    'import * as g from "./g.js";',
    'import "./h.js";',
    'export { i } from "./i.js";',
    'export type * from "./j.js";',
    "import {\n  k,\n  l,\n} from './k.js';",
    '// import { no } from "./no.js";',
    '/* import { no } from "./no.js"; */',
    'const m = await import("./m.js");',
    'let n: import("./n.js").N;',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code in a string
    "const o = `${/[/`]/.test(x) ? `}` : 1} // still text`;",
    'const p = new URL("../p.ts", import.meta.url);',
    'import type from "./q.js";',
    "const r = \"; import { no } from './no.js';\";",
    'const s = new URL("../no.md", import.meta.url);',
  ].join("\n");
  const seen = importsOf(code).map(({ specifier, typeOnly }) => `${specifier}${typeOnly ? " type" : ""}`);
  expect(seen.sort()).toEqual(
    [
      "./a.js",
      "./b.js type",
      "./c.js type",
      "./e.js",
      "./g.js",
      "./h.js",
      "./i.js",
      "./j.js type",
      "./k.js",
      "./m.js",
      "./n.js type",
      "../p.ts type",
      "./q.js",
    ].sort(),
  );
});
