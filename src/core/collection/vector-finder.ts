/**
 * How the vectors of a collection are found: what is kept over their rows, in memory and in blocks of its own. `CollectionVectors`
 * has one from the moment on at which the first record fixes the dimension; which kind it is stands in the configuration.
 *
 * Invariants: a row is found from the moment it is set; what a finder keeps on disk is derived from the rows, so what is damaged is put
 * aside with a warning and made again. As in every part, what writes blocks changes nothing that a search can see until it is installed.
 */
import type { Bitmap } from "../base/bitmap.js";
import type { MemoryUse } from "../base/memory-use.js";
import type { Tick } from "../base/turns.js";
import type { Block } from "../blockstore/block.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import type { OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import type { Nearest, VectorSource } from "../index/vector/flat.js";
import type { SearchEffort } from "../index/vector/spann/list-search.js";
import type { GraphSection } from "../segment/graph.js";
import type { ListsSection } from "../segment/list-blocks.js";
import type { VectorRow } from "../segment/vector.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { MemtableChanges, Prepared, Renumbering } from "./part.js";
import type { BlockOrdinals } from "./stored-vectors.js";

/** What a manifest says of what lies over the rows. */
export interface FinderSection {
  /** The index's graph, as of some earlier moment. */
  graph: GraphSection | null;
  /** Its inverted lists, of an index that has such, or is being given some. */
  lists?: ListsSection;
}

export interface VectorsSection extends FinderSection {
  /** Fixed by the first record that was compacted. */
  dimension: number | null;
  /** ordinal → embedding, with codes where the index needs them. */
  rows: OrdinalSection;
  /** Whether inverted lists have taken the place of the graph: rows that are written from then on have no codes. */
  isListed?: true;
}

export interface VectorFinder {
  /** Bytes of memory held. */
  readonly memory: Partial<MemoryUse>;
  /** Whether searches may miss a row that is near. */
  readonly isApproximate: boolean;
  /** Efforts among which it is worth looking for the one that is enough. */
  readonly efforts: readonly number[];
  /** Queries that `nearestExactly` answers in hardly more time than one: such as read all rows read them once for so many. */
  readonly exactQueriesMax: number;
  /** Queries that are best searched for together: they share a pass over the rows, or several threads share them. */
  readonly queriesAtOnce: number;
  /** The effort that searches take where none is given: `ef_search`, or how many lists are looked into. */
  readonly effort: SearchEffort;
  configure?(row: CollectionRow): void;
  /** Gives back memory that is not given back by itself. */
  dispose?(): void;

  /** Takes the rows of a block at opening, before `open`; with codes unless no index of the collection needs them. */
  load(rows: BlockOrdinals, codes: Block | null): void;
  /** `stored` has the vectors of the rows that were loaded. */
  open(section: FinderSection, stored: VectorSource): Promise<void>;
  /** Takes vectors that are new, or in place of others. */
  set(vectors: readonly (readonly [ordinal: number, vector: VectorRow])[]): void;
  delete(ordinals: readonly number[]): void;

  /** The `k` nearest allowed rows of each query, all of them when there are fewer. */
  nearest(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource, effort?: SearchEffort): Promise<Nearest[]>;
  /** What `nearest` would find if it missed nothing. */
  nearestExactly(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest[]>;
  /** Whether a search for `k` of the allowed rows misses none, whatever the effort. */
  isExactFor(k: number, allowed: Bitmap): boolean;

  /** What lies over the rows once these changes have come to them. `vectors` has those of the rows as they will be. */
  compact(changes: MemtableChanges, vectors: VectorSource, writer: BlockWriter, tick: Tick): Promise<Prepared<FinderSection>>;
  /** The section for rows that are numbered anew. A new finder opens it. */
  renumber(renumbering: Renumbering, writer: BlockWriter, tick: Tick): Promise<FinderSection>;
}
