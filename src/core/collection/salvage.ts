/**
 * Reads what can still be read of a damaged collection: complete records (id, payload and embedding, each of them sound) block by
 * block, and log records that are sound and certainly the collection's.
 */
import type { Tick } from "../base/turns.js";
import { Block } from "../blockstore/block.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import type { OrdinalEntry, OrdinalSection } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import { type Payload, payloadFormat } from "../segment/record.js";
import type { RecordBatch } from "../types.js";
import type { Sections } from "./parts.js";
import { type BlockOrdinals, StoredVectors } from "./stored-vectors.js";

/** Records of one batch. */
const BATCH = 256;

export interface SalvageContext {
  blocks: BlockStore;
  tick: Tick;
}

/** Complete records in the order of their ordinals. */
export async function* salvageRecords(
  { records, vectors }: Sections,
  context: SalvageContext,
): AsyncGenerator<RecordBatch, void, undefined> {
  const { dimension } = vectors;
  if (dimension === null) return;
  const payloads = await salvagedRows(records.payload, context, (parts) => payloadFormat.decode(parts));
  const embeddings = await salvagedEmbeddings(vectors.rows, dimension, context);
  for (const entry of records.ids) {
    const ids = await salvagedRows([entry], context, ([block]) => {
      const column = block!.utf8Column("id");
      return (row) => column[row]!;
    });
    const complete = [...ids].filter(([ordinal]) => payloads.has(ordinal) && embeddings.has(ordinal));
    for (let from = 0; from < complete.length; from += BATCH) {
      const rows = complete.slice(from, from + BATCH);
      yield batchOf(
        rows.map(([, id]) => id()),
        rows.map(([ordinal]) => payloads.get(ordinal)!()),
        await Promise.all(rows.map(([ordinal]) => embeddings.get(ordinal)!())),
        dimension,
      );
      await context.tick();
    }
  }
}

function batchOf(ids: string[], payloads: Payload[], embeddings: readonly Float32Array[], dimension: number): RecordBatch {
  const values = new Float32Array(ids.length * dimension);
  embeddings.forEach((embedding, row) => values.set(embedding, row * dimension));
  return {
    ids,
    embeddings: { dimension, values, present: null },
    documents: payloads.map(({ document }) => document),
    metadatas: payloads.map(({ metadata }) => metadata),
    uris: payloads.map(({ uri }) => uri),
  };
}

/** By ordinal, how to get at the row; rows of blocks that cannot be read are left out. */
async function salvagedRows<Row>(
  section: OrdinalSection,
  { blocks, tick }: SalvageContext,
  decode: (parts: Block[]) => (row: number) => Row,
): Promise<Map<number, () => Row>> {
  const rows = new Map<number, () => Row>();
  for (const entry of section) {
    await tick();
    const parts = await unlessDamaged(() =>
      Promise.all(entry.refs.map(async (ref) => Block.decode(await blocks.readBytes(ref, "salvage")))),
    );
    if (parts === null) continue;
    const rowAt = decode(parts);
    parts[0]!.u32("ordinal").forEach((ordinal, row) => rows.set(ordinal, () => rowAt(row)));
  }
  return rows;
}

/** Each embedding has a checksum of its own: those beside a damaged one are as good as before. */
async function salvagedEmbeddings(
  section: OrdinalSection,
  dimension: number,
  { blocks, tick }: SalvageContext,
): Promise<Map<number, () => Promise<Float32Array>>> {
  const rows = new Map<number, () => Promise<Float32Array>>();
  for (const entry of section) {
    const stored = new StoredVectors(blocks, "salvage", dimension);
    const ordinals = await ordinalsOf(stored, entry, tick);
    for (const ordinal of ordinals) {
      const found = await unlessDamaged(() => stored.read([ordinal]));
      if (found !== null) rows.set(ordinal, () => stored.read([ordinal]));
    }
    await tick();
  }
  return rows;
}

async function ordinalsOf(stored: StoredVectors, entry: OrdinalEntry, tick: Tick): Promise<number[]> {
  const ordinals: number[] = [];
  const note = ({ first, last, ordinals: apart }: BlockOrdinals): void => {
    if (apart !== null) ordinals.push(...apart);
    else for (let ordinal = first; ordinal <= last; ordinal++) ordinals.push(ordinal);
  };
  const directories = await unlessDamaged(() => stored.open([entry], note, tick));
  if (directories === null) return [];
  stored.install(directories);
  return ordinals;
}

async function unlessDamaged<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TidepoolError && error.code === "CORRUPTION") return null;
    throw error;
  }
}
