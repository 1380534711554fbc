/** The benchmark's filters, once as Tidepool takes them and once as a function for engines that take functions. */
import type { Where } from "tidepool-db";
import type { RecordMetadata } from "./clustered.js";

export interface BenchFilter {
  where?: Where;
  keep(metadata: RecordMetadata): boolean;
}

export const filters = {
  all: { keep: () => true },
  "10 %": { where: { number: { $lt: 10 } }, keep: ({ number }) => number < 10 },
  "1 %": { where: { number: 42 }, keep: ({ number }) => number === 42 },
} satisfies Record<string, BenchFilter>;

export type FilterName = keyof typeof filters;

export const filterNames = Object.keys(filters) as FilterName[];

export function filterNamed(name: FilterName): BenchFilter {
  return filters[name];
}
