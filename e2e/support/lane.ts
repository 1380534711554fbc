/**
 * One stream of operations of `npm run torture`, and what must be found of it. A lane asks for one operation at a time, so when
 * everything ends at a random moment at most one is of unknown outcome: the records are then as before it, or as after it.
 */
import type { Found, Operation } from "../pages/torture.js";

/** Records of a lane: few, so that adding and deleting meet the same ones, and a late repetition of a request is seen. */
const recordsMax = 200;

/** Stamps by record. */
type Stamps = ReadonlyMap<number, number>;

export class Lane {
  acknowledged = 0;
  #stamps: Stamps = new Map();
  #unknown: Operation | null = null;
  #stamp = 0;

  constructor(
    readonly number: number,
    readonly random: () => number,
  ) {}

  /** The next operation. */
  next(): Operation {
    const count = 1 + this.#below(this.random() < 0.1 ? 100 : 12);
    const records = [...new Set(Array.from({ length: count }, () => this.#below(recordsMax)))];
    const kind = (["add", "upsert", "upsert", "delete"] as const)[this.#below(4)]!;
    const documentLength = this.random() < 0.05 ? 20_000 : 60;
    return { lane: this.number, kind, records, stamp: ++this.#stamp, documentLength };
  }

  begin(operation: Operation): void {
    this.#unknown = operation;
  }

  acknowledge(operation: Operation): void {
    this.#stamps = after(this.#stamps, operation);
    this.#unknown = null;
    this.acknowledged += operation.records.length;
  }

  /** Compares what was found, and goes on from it. */
  compare(all: readonly Found[]): { lost: string[]; wrong: string[] } {
    const found = new Map(all.filter(([lane]) => lane === this.number).map(([, record, stamp]) => [record, stamp]));
    const [unknown, before] = [this.#unknown, this.#stamps];
    this.#unknown = null;
    this.#stamps = found;
    if (isSame(found, before) || (unknown !== null && isSame(found, after(before, unknown)))) return { lost: [], wrong: [] };
    return this.#differences(found, unknown === null ? [before] : [before, after(before, unknown)]);
  }

  #differences(found: Stamps, allowed: readonly Stamps[]): { lost: string[]; wrong: string[] } {
    const [lost, wrong]: [string[], string[]] = [[], []];
    for (let record = 0; record < recordsMax; record++) {
      const stamps = allowed.map((state) => state.get(record));
      const stamp = found.get(record);
      if (stamps.includes(stamp)) continue;
      const what = `${this.number}:${record} has ${stamp ?? "gone"}, not ${stamps.map((each) => each ?? "gone").join(" or ")}`;
      if (stamps.every((each) => each !== undefined && (stamp === undefined || stamp < each))) lost.push(what);
      else wrong.push(what);
    }
    if (lost.length + wrong.length === 0) wrong.push(`lane ${this.number} has one half of an operation`);
    return { lost, wrong };
  }

  #below(below: number): number {
    return Math.floor(this.random() * below);
  }
}

function after(before: Stamps, { kind, records, stamp }: Operation): Stamps {
  const stamps = new Map(before);
  for (const record of records) {
    if (kind === "delete") stamps.delete(record);
    else if (kind === "upsert" || !stamps.has(record)) stamps.set(record, stamp);
  }
  return stamps;
}

function isSame(a: Stamps, b: Stamps): boolean {
  return a.size === b.size && [...a].every(([record, stamp]) => b.get(record) === stamp);
}
