import { describe, expect, test } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import type { Candidates } from "../core/index/vector/candidates.js";
import { graphOptions, levelOf } from "../core/index/vector/graph-kernel.js";
import { encodeQuery, quantizeRows } from "../core/index/vector/quantize.js";
import type { CodeTable, CommonSearch, VectorKernel } from "../core/index/vector/vector-kernel.js";
import { gaussian, randomFrom } from "../testing/hnsw-vectors.js";
import { builds } from "../testing/kernel.js";
import { type Helping, helpedKernel } from "../testing/manual-helpers.js";

const DIMENSION = 200;
const ROWS = 3000;
const QUERIES = 250;
const ways: readonly Helping[] = ["at once", "never", "dies", "fails"];

const random = randomFrom(5);
const rows = quantizeRows(
  "l2",
  DIMENSION,
  Float32Array.from({ length: ROWS * DIMENSION }, () => gaussian(random)),
);
const queries = Array.from({ length: QUERIES }, () =>
  encodeQuery(
    "l2",
    Float32Array.from({ length: DIMENSION }, () => gaussian(random)),
  ),
);
const someRows = Bitmap.of(Array.from({ length: ROWS }, (_, row) => row).filter((row) => row % 3 !== 1));

function tableOf(kernel: VectorKernel): CodeTable {
  const table = kernel.createTable(DIMENSION);
  table.set(0, rows.codes, rows.slopes, rows.intercepts);
  return table;
}

/** All that is found, in whatever order it is asked for. */
async function allOf(search: CommonSearch): Promise<Candidates[]> {
  const found = new Map<number, Candidates>();
  for (const query of [QUERIES - 1, ...queries.keys()]) found.set(query, await search.found(query));
  await search.end();
  return queries.map((_, query) => found.get(query)!);
}

describe.each(builds)("%s", (build) => {
  test.each(ways)("scans find with helpers what they find without: a helper helps %s", async (helping) => {
    const { kernel, helpers } = await helpedKernel(build, 3);
    helpers.helping = helping;
    const table = tableOf(kernel);
    const search = table.scanTogether!(queries, 17, someRows.words)!;
    expect(await allOf(search)).toEqual(table.scanMany(queries, 17, someRows.words));
    expect(helpers.jobs.length).toBe(2);
  });

  test.each(ways)("walks find with helpers what they find without: a helper helps %s", async (helping) => {
    const { kernel, helpers } = await helpedKernel(build, 3);
    helpers.helping = helping;
    const graph = tableOf(kernel).createGraph(graphOptions("l2", 8, 40));
    for (let row = 0; row < ROWS; row += 2) graph.insert(row, levelOf(row, 8, 1));
    graph.retire(4);
    for (const allowed of [null, someRows.words]) {
      const expected = queries.map(({ codes, scale }) => graph.search(codes, scale, 30, allowed));
      const search = graph.searchTogether!(queries, 30, allowed);
      // Whoever is gone after the first search helps no more.
      if (search !== null) expect(await allOf(search)).toEqual(expected);
      else expect(kernel.helpers!.alone).toBe(`a helper has ended: ${helping}`);
    }
    expect(helpers.jobs.length).toBeGreaterThan(1);
  });

  test("nodes that are inserted together are linked alike, whoever helps", async () => {
    const graphs = await Promise.all(
      (["at once", "never", "fails"] as const).map(async (helping) => {
        const { kernel, helpers } = await helpedKernel(build, 3);
        helpers.helping = "never";
        const graph = tableOf(kernel).createGraph(graphOptions("l2", 8, 40));
        for (let row = 0; row < ROWS; row += 2) graph.insert(row, levelOf(row, 8, 1));
        for (let row = 0; row < 100; row += 2) graph.retire(row);
        helpers.helping = helping;
        const nodes = Uint32Array.from({ length: 150 }, (_, i) => 20 * i + 1).filter((row) => levelOf(row, 8, 1) < 3);
        const insertion = graph.insertTogether!(nodes, nodes.map((row) => levelOf(row, 8, 1)) as unknown as Uint8Array)!;
        await insertion.hang(() => undefined);
        // A helper that fails in the midst of links leaves nobody to fail again.
        if (helping === "fails") expect(kernel.helpers!.alone).toBe("a helper has ended: fails");
        expect(graph.changing).toBeNull();
        const tying = insertion.tie(() => undefined);
        await expect(tying).resolves.toBe(true);
        expect(graph.changing).toBeNull();
        return graph.read(0, ROWS);
      }),
    );
    expect(graphs[0]!.heights[1]).toBe(1 + levelOf(1, 8, 1));
    for (const graph of graphs) expect(graph).toEqual(graphs[0]);
  });

  test("links that were lost with a helper make the graph useless", async () => {
    const { kernel, helpers } = await helpedKernel(build, 2);
    helpers.helping = "never";
    const graph = tableOf(kernel).createGraph(graphOptions("l2", 8, 40));
    for (let row = 0; row < 500; row++) graph.insert(row, levelOf(row, 8, 1));
    const insertion = graph.insertTogether!(Uint32Array.of(500, 501), Uint8Array.of(0, 0))!;
    await insertion.hang(() => undefined);
    helpers.helping = "dies";
    expect(await insertion.tie(() => undefined)).toBe(false);
    expect(graph.changing).toBeNull();
  });
});

describe("a pool of helpers", () => {
  const [build] = builds;

  test("asks nobody where one core is allowed, and makes no table to be shared", async () => {
    const { kernel, helpers } = await helpedKernel(build!, 1);
    expect(tableOf(kernel).scanTogether!(queries, 5, someRows.words)).toBeNull();
    helpers.pool.use(2);
    expect(tableOf(kernel).scanTogether!(queries.slice(0, 2), 5, someRows.words)).toBeNull();
    expect(helpers.running).toBe(0);
  });

  test("does one task at a time, and ends its helpers when there was none for a while", async () => {
    const { kernel, helpers } = await helpedKernel(build!, 3);
    const table = tableOf(kernel);
    const bytes = kernel.coderBytes;
    const first = table.scanTogether!(queries, 5, someRows.words)!;
    expect(kernel.coderBytes).toBeGreaterThan(bytes + QUERIES * DIMENSION * 2);
    expect(table.scanTogether!(queries, 5, someRows.words)).toBeNull();
    await first.end();
    expect(kernel.coderBytes).toBe(bytes);
    expect(helpers.pool.running).toBe(2);
    helpers.environment.advance(999);
    await table.scanTogether!(queries, 5, someRows.words)!.end();
    helpers.environment.advance(999);
    expect(helpers.running).toBe(2);
    helpers.environment.advance(1);
    expect([helpers.running, helpers.pool.running]).toEqual([0, 0]);
    expect(await allOf(table.scanTogether!(queries, 5, someRows.words)!)).toEqual(table.scanMany(queries, 5, someRows.words));
    expect([helpers.running, helpers.pool.alone]).toEqual([2, null]);
  });

  test("says once why it works alone where no helper can be started", async () => {
    const { kernel, helpers } = await helpedKernel(build!, 3);
    const told: string[] = [];
    kernel.helpers!.serve({ tick: () => undefined, onTrouble: (why) => told.push(why), bytesMax: 2 ** 24 });
    helpers.refusal = new Error("the policy refuses");
    const table = tableOf(kernel);
    const search = table.scanTogether!(queries, 5, someRows.words)!;
    expect(await allOf(search)).toEqual(table.scanMany(queries, 5, someRows.words));
    expect(told).toEqual(["no worker can be started: the policy refuses"]);
    expect(kernel.helpers!.alone).toBe(told[0]);
    expect(table.scanTogether!(queries, 5, someRows.words)).toBeNull();
    expect(told.length).toBe(1);
  });

  test("sends nothing to a helper before it is ready, and nothing that is over by then", async () => {
    const { kernel, helpers } = await helpedKernel(build!, 2);
    helpers.areReady = false;
    const table = tableOf(kernel);
    await table.scanTogether!(queries, 5, someRows.words)!.end();
    const second = table.scanTogether!(queries, 6, someRows.words)!;
    expect(helpers.jobs).toEqual([]);
    for (const ready of helpers.late) ready();
    expect(helpers.jobs.length).toBe(1);
    expect(await allOf(second)).toEqual(table.scanMany(queries, 6, someRows.words));
  });

  test("goes on with those that are left when one has died", async () => {
    const { kernel, helpers } = await helpedKernel(build!, 3);
    const table = tableOf(kernel);
    await table.scanTogether!(queries, 5, someRows.words)!.end();
    helpers.helping = "dies";
    await allOf(table.scanTogether!(queries, 5, someRows.words)!);
    expect(helpers.pool.alone).toBe("a helper has ended: dies");
    expect(helpers.running).toBe(0);
  });
});
