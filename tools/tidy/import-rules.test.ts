import { describe, expect, test } from "vitest";
import { cyclesOf, plainLoads, wholeLimits, wrongImports, wrongReaches } from "./import-rules.js";
import type { Tree } from "./tree.js";

const one = (path: string, code: string): Tree => new Map([[path, code]]);

test.each([
  ["src/core/engine.ts", 'import { open } from "../storage/open-storage.js";', "imports src/storage/open-storage.ts"],
  ["src/core/engine.ts", 'import type { O } from "../api/client.js";', "imports src/api/client.ts"],
  ["src/core/segment/record.ts", 'import { Table } from "apache-arrow";', "not its business"],
  ["src/core/index/vector/flat.ts", 'import MiniSearch from "minisearch";', "not its business"],
  ["src/storage/opfs/arena.ts", 'import { openDB } from "idb";', "not its business"],
  ["src/api/client.ts", 'import { wrap } from "comlink";', "not its business"],
  ["src/api/client.ts", 'import lodash from "lodash";', "does not ship"],
  ["src/api/client.ts", 'import { Engine } from "../core/engine.js";', "imports src/core/engine.ts"],
  ["src/storage/idb/log.ts", 'import { x } from "../../worker/protocol.js";', "imports src/worker/protocol.ts"],
  ["src/core/log/log.ts", 'import { Gateway } from "../gateway/plan.js";', "siblings meet by import type"],
  ["src/core/collection/writer.ts", 'import { Log } from "../log/log.js";', "siblings meet by import type"],
  ["src/core/engine.ts", 'import { Model } from "../testing/model.js";', "imports src/testing/model.ts, which only tests may"],
  ["src/core/engine.ts", 'import type { Model } from "../testing/model.js";', "imports src/testing/model.ts, which only tests may"],
  ["src/api/client.ts", 'import { books } from "./client.test.js";', "imports src/api/client.test.ts, which only tests may"],
  ["src/core/log/fake-log.ts", 'import { vi } from "vitest";', "does not ship"],
  ["src/storage/idb/fake-database.ts", 'import "fake-indexeddb/auto";', "does not ship"],
  ["src/core/gateway/some-filters.ts", 'import fc from "fast-check";', "does not ship"],
  ["src/storage/opfs/file-system.ts", 'import { readFile } from "node:fs/promises";', "does not ship"],
])("%s must not %s", (path, code, complaint) => {
  expect(wrongImports(one(path, code)).join()).toContain(complaint);
});

test.each([
  ["src/core/log/log.ts", 'import type { Gateway } from "../gateway/plan.js";'],
  ["src/core/engine.ts", 'import { Log } from "./log/log.js"; import { Gateway } from "./gateway/plan.js";'],
  ["src/core/blockstore/block.ts", 'import { RecordBatch } from "apache-arrow/Arrow.dom";'],
  ["src/api/connection.ts", 'import { wrap } from "comlink"; import type { P } from "../worker/protocol.js";'],
  ["src/api/collection.ts", 'import { validateRecords } from "../core/gateway/validate/records.js";'],
  ["src/api/collection.ts", 'import { validateCount } from "../core/gateway/validate/values.js";'],
  ["src/core/log/log.test.ts", 'import { fc } from "fast-check"; import { memory } from "../../storage/memory/memory.js";'],
  ["src/wasm/kernel.ts", 'import type { VectorKernel } from "../core/index/vector/vector-kernel.js";'],
])("%s may %s", (path, code) => {
  expect(wrongImports(one(path, code))).toEqual([]);
});

test("what the page's program loads later without saying what went wrong is found", () => {
  expect(plainLoads(one("src/api/client.ts", 'const { verify } = await import("./verify.js");'))).toHaveLength(1);
  expect(plainLoads(one("src/api/client.ts", 'const { verify } = await part(import("./verify.js"));'))).toEqual([]);
  expect(plainLoads(one("src/api/client.ts", 'type Verify = typeof import("./verify.js"); let a: import("./verify.js").Report;'))).toEqual(
    [],
  );
});

test("limits that are read as a whole are found", () => {
  const imported = 'import { limits } from "../core/limits.js";\n';
  for (const use of ["const most = limits[name];", "const { a } = limits;", "function f(all = limits) {}"]) {
    expect(wholeLimits(one("src/api/a.ts", imported + use))).toHaveLength(1);
  }
  expect(wholeLimits(one("src/api/a.ts", `${imported}const most = limits.queriesMax;`))).toEqual([]);
  expect(wholeLimits(one("src/api/a.ts", "const { a } = limits;"))).toEqual([]);
});

test("an app that reaches inside is found", () => {
  expect(wrongReaches(one("demo/main.ts", 'import { x } from "../src/index.js";'))).toHaveLength(1);
  expect(wrongReaches(one("bench/a.ts", 'import { x } from "tidepool-db/worker";'))).toHaveLength(1);
  expect(wrongReaches(one("demo/main.ts", 'import { x } from "tidepool-db"; import "./style.js";'))).toEqual([]);
});

describe("beside src", () => {
  test.each([
    ["tools/browser/browser.ts", 'import { open } from "../../e2e/support/suite.js";'],
    ["tools/tidy/tree.ts", 'import { limits } from "../../src/core/limits.js";'],
    ["bench/harness.ts", 'import { open } from "../e2e/support/suite.js";'],
    ["e2e/damage.e2e.ts", 'import { build } from "../scripts/build.mjs";'],
    ["scripts/fixtures.ts", 'import { cases } from "../e2e/conformance/cases.js";'],
    ["scripts/fixtures.ts", 'import { Model } from "../src/testing/model.js";'],
    ["scripts/fuzz.ts", 'import { Engine } from "../src/core/engine.js";'],
    ["demo/src/main.ts", 'import type { Model } from "../../src/testing/model.js";'],
    ["src/testing/engine.ts", 'import { serve } from "../../tools/browser/static-server.js";'],
    ["src/testing/model.ts", 'import { books } from "../core/engine.test.js";'],
    ["src/core/engine.test.ts", 'import { books } from "./engine.model.test.js";'],
    ["e2e/damage.e2e.ts", 'import { open } from "./kill.e2e.js";'],
  ])("%s must not %s", (path, code) => {
    expect(wrongReaches(one(path, code))).toHaveLength(1);
  });

  test.each([
    ["e2e/damage.e2e.ts", 'import { open } from "../tools/browser/browser.js";'],
    ["e2e/cases.test.ts", 'import { client } from "../src/testing/client.js";'],
    ["scripts/fuzz.ts", 'import { fuzz } from "../src/testing/rest/fuzz.js";'],
    ["bench/engines/vector/tidepool.ts", 'import { Bitmap } from "../../../src/core/base/bitmap.js";'],
    ["src/testing/engine.ts", 'import { Engine } from "../core/engine.js"; import { vi } from "vitest";'],
    ["src/tidy.test.ts", 'import { readTree } from "../tools/tidy/tree.js";'],
    ["e2e/pack/vite/main.js", 'import { TidepoolClient } from "tidepool-db/worker";'],
  ])("%s may %s", (path, code) => {
    expect(wrongReaches(one(path, code))).toEqual([]);
  });
});

describe("circles", () => {
  const cycle = new Map([
    ["src/core/a.ts", 'import { b } from "./b.js";'],
    ["src/core/b.ts", 'export { c } from "./c.js";'],
    ["src/core/c.ts", 'import { a } from "./a.js";'],
  ]);
  const ofTypes = new Map(cycle).set("src/core/c.ts", 'import type { a } from "./a.js";');
  const found = ["src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts"];

  test("a cycle is found once, and a cycle of types is none", () => {
    expect(cyclesOf(cycle, "run time")).toEqual(found);
    expect(cyclesOf(ofTypes, "run time")).toEqual([]);
  });

  test("a cycle of types is found where it counts", () => {
    expect(cyclesOf(ofTypes, "types too")).toEqual(found);
    expect(cyclesOf(new Map(ofTypes).set("src/core/c.ts", 'let a: import("./a.js").A;'), "types too")).toEqual(found);
    expect(cyclesOf(new Map(ofTypes).set("src/core/c.ts", ""), "types too")).toEqual([]);
  });
});
