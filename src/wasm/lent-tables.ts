/**
 * Tables of the kernel that small ones, which are plain arrays, are laid into to be scanned: one for each of a few dimensions, so that
 * hundreds of small tables take as few WebAssembly memories. What was scanned last stays laid, and is kept as it is when rows are set.
 */
import type { ReferenceTable } from "../core/index/vector/reference-kernel.js";
import type { CodeTable } from "../core/index/vector/vector-kernel.js";

/** Dimensions for which there is a table at a time. Others are scanned where they are. */
const DIMENSIONS_MAX = 4;
/** Bytes of codes that are scanned in less time than it takes to call the kernel. */
const PLAIN_BYTES_MAX = 4096;

interface LentTable {
  table: CodeTable;
  /** What is laid there. */
  small: ReferenceTable | null;
}

export class LentTables {
  /** `null` where there is no memory now. */
  readonly #createTable: (dimension: number) => CodeTable | null;
  readonly #lent = new Map<number, LentTable>();

  constructor(createTable: (dimension: number) => CodeTable | null) {
    this.#createTable = createTable;
  }

  get byteLength(): number {
    return [...this.#lent.values()].reduce((bytes, { table }) => bytes + table.byteLength, 0);
  }

  /** A table with the rows of a small one, until another is asked for; `null` where that gains nothing, or there is none. */
  borrow(small: ReferenceTable, rows: number): CodeTable | null {
    if (rows * small.dimension <= PLAIN_BYTES_MAX) return null;
    const lent = this.#lentFor(small.dimension);
    if (lent !== null && lent.small !== small) {
      const { codes, slopes, intercepts } = small.rowsTo(rows);
      lent.table.set(0, codes, slopes, intercepts);
      lent.small = small;
    }
    return lent?.table ?? null;
  }

  /** To be told of what is set in a small table. */
  set(small: ReferenceTable, first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void {
    const lent = this.#lent.get(small.dimension);
    if (lent?.small === small) lent.table.set(first, codes, slopes, intercepts);
  }

  #lentFor(dimension: number): LentTable | null {
    const known = this.#lent.get(dimension);
    if (known !== undefined || this.#lent.size === DIMENSIONS_MAX) return known ?? null;
    const table = this.#createTable(dimension);
    if (table === null) return null;
    const lent = { table, small: null };
    this.#lent.set(dimension, lent);
    return lent;
  }
}
