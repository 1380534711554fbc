/** What the log tells of a collection that is not open: the dimension that its first records fix, before compaction wrote it down. */
import type { LogStore } from "../storage.js";
import { decodeLogRecord } from "./log-record.js";

/** Dimension of the first records after an offset up to which there are none; `null` when none follow. */
export async function firstDimension(log: LogStore, collection: { id: string; name: string }, after: number): Promise<number | null> {
  for (;;) {
    const [entry] = await log.read(collection.id, after, 1);
    if (entry === undefined) return null;
    const record = decodeLogRecord(entry.bytes, `${entry.offset} of collection "${collection.name}"`);
    // An update of records that are not there fixes nothing.
    if (record.kind === "write" && record.operation !== "update") return record.records.embeddings?.dimension ?? null;
    after = entry.offset;
  }
}
