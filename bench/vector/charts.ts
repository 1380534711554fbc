/** The three pictures of the vector suite: which data goes where. How it is drawn is `svg-chart.ts`'s business. */
import { barPanel, chartSheet, type LineSeries, linePanel } from "../svg-chart.js";
import { engineDefinitions, PLAIN, PUBLIC } from "./engines.js";
import type { EngineResult, SetResult } from "./results.js";

/** An engine looks the same in every picture. */
const styles = [...engineDefinitions.map(({ name }) => name), PUBLIC];
const styleOf = (engine: string): number => styles.indexOf(engine);

const title = ({ set, records, dimension }: SetResult): string => `${set} (${records.toLocaleString("en")} × ${dimension})`;

/** Recall against latency, one panel per set. */
export function drawRecall(sets: readonly SetResult[]): string {
  const panels = sets.map((set) => {
    const series = set.engines.map(
      ({ engine, curve }): LineSeries => ({
        name: engine,
        style: styleOf(engine),
        points: curve.map(({ recall, p50Ms }) => ({ x: recall, y: p50Ms })),
      }),
    );
    return linePanel({ title: title(set), xLabel: "recall@10", yLabel: "p50 ms, lower is better", xRange: [0.85, 1], series });
  });
  return chartSheet({ title: "Recall and latency of one query", panels, columns: 3, ...keyOf(sets) });
}

/** Vectors per second, one panel per set; engines that only copy are left out, and the public call, which builds its graph later. */
export function drawBuild(sets: readonly SetResult[]): string {
  const builds = ({ engine }: EngineResult): boolean => ![PLAIN, PUBLIC].includes(engine) && !engine.includes(" flat");
  const panels = sets.map((set) =>
    barPanel({
      title: title(set),
      unit: "vectors/s, logarithmic, higher is better",
      groups: [
        {
          name: "",
          bars: set.engines.filter(builds).map(({ engine, buildRate }) => ({ name: engine, style: styleOf(engine), value: buildRate })),
        },
      ],
    }),
  );
  return chartSheet({ title: "Building", panels, columns: 3, ...keyOf(sets), legend: [] });
}

/** Latency by filter, one panel per generated set, where it is known how hard "far" is. */
export function drawFilters(sets: readonly SetResult[]): string {
  const names = ["10 %", "1 %", "far"] as const;
  const filters = ({ filters }: EngineResult): boolean => Object.keys(filters).length > 0;
  const panels = sets
    .filter(({ set }) => /^(?:clustered|low-rank)-/.test(set))
    .map((set) => {
      const groups = names.map((name) => ({
        name: name === "far" ? "far from the query" : `${name} match`,
        bars: set.engines
          .filter(filters)
          .flatMap(({ engine, filters }) =>
            filters[name] ? [{ name: engine, style: styleOf(engine), value: filters[name].p50Ms.median }] : [],
          ),
      }));
      return barPanel({ title: title(set), unit: "p50 ms, logarithmic, lower is better", groups });
    });
  return chartSheet({ title: "Filtered queries", panels, columns: 3, ...keyOf(sets), legend: [] });
}

/** Every engine that took part somewhere, in the order of their definitions. */
function keyOf(sets: readonly SetResult[]): { styles: number[]; legend: { name: string; style: number }[] } {
  const present = new Set(sets.flatMap(({ engines }) => engines.map(({ engine }) => engine)));
  const legend = styles.filter((name) => present.has(name)).map((name) => ({ name, style: styleOf(name) }));
  return { styles: legend.map(({ style }) => style), legend };
}
