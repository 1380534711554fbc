/**
 * The parts of a collection: a new kind of index is a file or folder beside this one and a line here. Keys are on disk, in
 * every manifest, and never change. What a part needs of another must stand above it: parts are installed in this order.
 */
import type { BlockRef } from "../blockstore/blockstore.js";
import type { Inspection } from "./inspection.js";
import { CollectionMetadata } from "./metadata.js";
import type { CollectionPart, PartClass, PartHome, PartJob } from "./part.js";
import { CollectionRecords } from "./records.js";
import { CollectionSparse } from "./sparse.js";
import { CollectionText } from "./text.js";
import { CollectionVectors } from "./vectors.js";

const classes = {
  records: CollectionRecords,
  vectors: CollectionVectors,
  metadata: CollectionMetadata,
  sparse: CollectionSparse,
  text: CollectionText,
} satisfies Record<string, PartClass<unknown>>;

export type PartName = keyof typeof classes;

export type Parts = { readonly [Name in PartName]: InstanceType<(typeof classes)[Name]> };

/** One section of each part: what a manifest says of a collection's blocks. */
export type Sections = { [Name in PartName]: ReturnType<(typeof classes)[Name]["empty"]> };

export const partNames = Object.keys(classes) as PartName[];

/** The idle work of those parts that have some. */
export const partJobs: readonly { name: PartName; job: PartJob<unknown> }[] = partNames.flatMap((name) => {
  const { idleJobs = [] }: PartClass<unknown> = classes[name];
  return idleJobs.map((job) => ({ name, job }));
});

/** Parts without their names: what all have in common. */
export type AnyPart = CollectionPart<unknown>;

export function createParts(home: PartHome): Parts {
  return Object.fromEntries(partNames.map((name) => [name, new classes[name](home)])) as unknown as Parts;
}

/** What the system database has to know of sections. */
export const sectionKinds = {
  empty: (): Sections => Object.fromEntries(partNames.map((name) => [name, classes[name].empty()])) as unknown as Sections,

  /** Every block that any of the sections names. */
  *refs(sections: Sections): Generator<BlockRef, void, undefined> {
    for (const name of partNames) yield* (classes[name] as PartClass<unknown>).refs(sections[name]);
  },
};

/** Each part verifies its section. */
export async function verifySections(sections: Sections, inspection: Inspection): Promise<void> {
  for (const name of partNames) await (classes[name] as PartClass<unknown>).verify(sections[name], inspection);
}
