/** What inverted lists and writes ask of the kernel, piece by piece: the least time of many rounds in a worker, both builds in turn. */
import type { KernelTimes, KernelVariant } from "../engines/list-kernels.js";
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { KernelsPage } from "../pages/kernels.js";
import type { Suite } from "./suite.js";

const DIMENSIONS = [384, 1536];
const variants: readonly KernelVariant[] = ["portable", "relaxed"];
const pieces: Record<keyof KernelTimes, string> = {
  rotate: "rotate a row",
  encode: "code a row",
  prepare: "tables of a query",
  scanNone: "scan, a row, none matches",
  scanTenth: "scan, a row, a tenth matches",
  copy: "of that copying the list, a row",
  nearest: "nearest centroid, each of 4,096",
  assign: "list of a row, of 4,096",
  probe: "128 lists of a query, each of 4,096",
  codes: "int8 codes of a row",
  codesPlain: "the same in TypeScript",
  checksum: "CRC-32 of a KiB",
  checksumPlain: "the same in TypeScript",
};

interface Column {
  dimension: number;
  variant: KernelVariant;
  times: KernelTimes;
}

export const kernels: Suite = {
  async run({ quick, log }) {
    const harness = await Harness.open({ page: "kernels", workers: ["engines/list-kernels.ts"] });
    try {
      const page = await harness.newPage<KernelsPage>();
      const columns: Column[] = [];
      for (const dimension of DIMENSIONS) {
        for (const variant of variants) {
          const times = await page.call("measure", variant, dimension, quick ? 20 : 300);
          if (times === null) log(`${harness.browser} has no relaxed SIMD`);
          else columns.push({ dimension, variant, times });
        }
      }
      const heading = ["least ns", ...columns.map(({ dimension, variant }) => `${dimension} ${variant}`)];
      const rows = Object.entries(pieces).map(([piece, name]) => [
        name,
        ...columns.map(({ times }) => significant(times[piece as keyof KernelTimes])),
      ]);
      return { text: formatTable([heading, ...rows]), data: { browser: harness.browser, columns } };
    } finally {
      await harness.close();
    }
  },
};
