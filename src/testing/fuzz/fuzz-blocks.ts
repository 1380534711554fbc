/**
 * Hostile Arrow blocks, as from somebody who mends the checksums: whatever is in the bytes, a block decodes and gives values of its
 * columns' types, or is `CORRUPTION`, and nothing is read or reserved beyond its bytes.
 */
import { Block, type Column, encodeBlock } from "../../core/blockstore/block.js";
import { Random } from "../environment.js";
import { type FuzzTarget, faultIn } from "./fuzz-target.js";
import { mutateBytes } from "./mutate.js";

const INPUTS = 50;
const NAMES = ["ordinal", "id", "n:key", "__proto__", "constructor", "toString", ""];

export const fuzzBlocks: FuzzTarget = {
  name: "blocks",
  inputs: INPUTS,
  seeds: 800,
  async run(seed) {
    const random = new Random(seed);
    const sound = soundBlock(random);
    const whole = faultIn(() => readAll(Block.decode(sound)), []);
    if (whole !== null) return `a sound block: ${whole}`;
    for (let input = 0; input < INPUTS; input++) {
      const fault = faultIn(() => readAll(Block.decode(mutateBytes(random, sound))), ["CORRUPTION"]);
      if (fault !== null) return `block ${input}: ${fault}`;
    }
    return null;
  },
};

function soundBlock(random: Random): Uint8Array {
  const rows = random.below(20);
  const make = <T>(one: () => T): T[] => Array.from({ length: rows }, one);
  const text = () => random.pick(["", "tide", "ëbb", "\u{1f30a}", "x".repeat(40)]);
  const or = <T>(one: () => T) => (random.chance(0.2) ? null : one());
  const lists = <T>(one: () => T) => make(() => or(() => Array.from({ length: random.below(4) }, one)));
  const kinds: ((name: string) => Column)[] = [
    (name) => ({ type: "u32", name, values: Uint32Array.from(make(() => random.below(1000))) }),
    (name) => ({ type: "f32", name, values: Float32Array.from(make(() => random.next())) }),
    (name) => ({ type: "f64", name, values: make(() => or(() => random.next())) }),
    (name) => ({ type: "bool", name, values: make(() => or(() => random.chance(0.5))) }),
    (name) => ({ type: "utf8", name, values: make(() => or(text)) }),
    (name) => ({ type: "fixed-f32", name, width: 3, values: new Float32Array(rows * 3) }),
    (name) => ({ type: "fixed-i8", name, width: 5, values: new Int8Array(rows * 5) }),
    (name) => ({ type: "u32-list", name, values: make(() => Uint32Array.from({ length: random.below(4) }, () => random.below(9))) }),
    (name) => ({ type: "utf8-list", name, values: lists(text) }),
    (name) => ({ type: "f64-list", name, values: lists(() => random.next()) }),
    (name) => ({ type: "bool-list", name, values: lists(() => random.chance(0.5)) }),
  ];
  const names = NAMES.filter(() => random.chance(0.5));
  return encodeBlock(
    names.map((name) => random.pick(kinds)(name)),
    rows,
    { kind: "test" },
  );
}

/** Reads every column as every type; a column has one of them, and the others must say so. */
function readAll(block: Block): void {
  const rows = Array.from({ length: Math.min(block.rows, 1000) }, (_, row) => row);
  for (const name of block.names()) {
    let readable = 0;
    for (const read of READS) {
      const fault = faultIn(() => read(block, name, rows), ["CORRUPTION"]);
      if (fault !== null) throw new Error(fault);
      readable++;
    }
    if (readable !== READS.length) throw new Error(`column ${name} stopped`);
  }
}

const READS: ((block: Block, name: string, rows: number[]) => unknown)[] = [
  (block, name) => lengthOf(block.u32(name), block.rows),
  (block, name) => lengthOf(block.f32(name), block.rows),
  (block, name) => block.fixedF32(name),
  (block, name) => block.fixedI8(name),
  (block, name, rows) => typesOf(rows.map(block.f64(name)), "number"),
  (block, name, rows) => typesOf(rows.map(block.bool(name)), "boolean"),
  (block, name, rows) => typesOf(rows.map(block.utf8(name)), "string"),
  (block, name) => typesOf(block.utf8Column(name), "string"),
  (block, name, rows) => typesOf(block.utf8Some(name, rows), "string"),
  (block, name, rows) => rows.map((row) => block.utf8Is(name)(row, "text")),
  (block, name, rows) => rows.map((row) => block.u32List(name)(row)),
  (block, name, rows) => rows.flatMap((row) => typesOf(block.utf8List(name)(row) ?? [], "string")),
  (block, name, rows) => rows.flatMap((row) => typesOf(block.f64List(name)(row) ?? [], "number")),
  (block, name, rows) => rows.flatMap((row) => typesOf(block.boolList(name)(row) ?? [], "boolean")),
];

function lengthOf(values: ArrayLike<number>, rows: number): void {
  if (values.length !== rows) throw new Error(`a column has ${values.length} values for ${rows} rows`);
}

function typesOf(values: readonly unknown[], type: string): void {
  const odd = values.find((value) => value !== null && typeof value !== type);
  if (values.includes(undefined) || odd !== undefined) throw new Error(`a value of type ${type} reads as ${String(odd)}`);
}
