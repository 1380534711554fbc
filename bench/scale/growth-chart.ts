/** How collections grow: which figures of the suite `scale` go where. How it is drawn is `svg-chart.ts`'s business. */

import { chartSheet, type LineSeries, linePanel } from "../svg-chart.js";
import { type Growth, nameOf, type ScaleResult } from "./results.js";

/** Rate, memory and disk beside the rows that there are. */
export function drawGrowth(measured: readonly ScaleResult[]): string {
  const results = measured.flatMap(({ database, ...result }) => (database === null ? [] : [{ ...result, ...database }]));
  const most = Math.max(...results.map(({ rows }) => rows)) / 1000;
  const panel = (title: string, yLabel: string, of: (growth: Growth) => number) =>
    linePanel({
      title,
      xLabel: "thousand rows",
      yLabel,
      xRange: [0, most],
      series: results.map(
        (result, style): LineSeries => ({
          name: nameOf(result),
          style,
          points: result.growth.map((growth) => ({ x: growth.rows / 1000, y: of(growth) })),
        }),
      ),
    });
  const panels = [
    panel("Rows a second, until acknowledged", "higher is better", ({ perSecond }) => perSecond),
    panel("Memory, as the engine counts it", "MB", ({ memoryBytes }) => memoryBytes / 2 ** 20),
    panel("Disk", "MB", ({ diskBytes }) => diskBytes / 2 ** 20),
  ];
  const legend = results.map((result, style) => ({ name: nameOf(result), style }));
  return chartSheet({ title: "Collections that grow", panels, columns: 3, styles: legend.map(({ style }) => style), legend });
}
