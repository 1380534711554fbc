/** Files in and out: exports, imports, backups, restores, and copies of collections. Each is a task that can be stopped. */
import type { Collection } from "../api/collection.js";
import type { RestoreMode } from "../core/service.js";
import { bytes, count, figure } from "./format.js";
import type { Readable } from "./record-pages.js";
import type { Session } from "./session.js";

/** The formats of exports, and how their files end. */
export const FORMATS = { jsonl: "JSON lines", arrow: "Arrow", parquet: "Parquet" } as const;
export type Format = keyof typeof FORMATS;

export async function exportRecords(session: Session, name: string, source: Readable, format: Format): Promise<void> {
  await session.work(`Export of ${name}`, async ({ signal, onProgress }) => {
    const told = (progress: { done: number; total: number }): void =>
      onProgress(progress.done, progress.total, `${figure(progress.done)} of ${count(progress.total, "record")}`);
    const stream = source.export({ format, signal, onProgress: told });
    const file = await new Response(stream).blob();
    offer(file, `${name}.${format}`);
    return `Exported ${name}: ${bytes(file.size)}`;
  });
}

export async function importFile(session: Session, collection: Collection, file: File): Promise<void> {
  await session.work(`Import into ${collection.name}`, async ({ signal, onProgress }) => {
    const report = await collection.import(file, {
      signal,
      onProgress: ({ bytes: read, totalBytes, imported }) => onProgress(read, totalBytes, count(imported, "record")),
    });
    const [first] = report.rejected;
    if (first === undefined) return `Imported ${count(report.imported, "record")}`;
    const place = first.line === null ? "" : `line ${first.line}: `;
    return `Imported ${count(report.imported, "record")}; ${figure(report.rejectedCount)} left out, first since ${place}${first.reason}`;
  });
}

/** A collection of its own, with the same schema, of what `source` reads: what a version held, say. */
export async function copyRecords(session: Session, collection: Collection, source: Readable, name: string): Promise<boolean> {
  return session.work(`Copy to ${name}`, async ({ signal, onProgress }) => {
    const { metadata, schema, embeddingFunction, configuration } = collection;
    // A schema names the function where it can be built again.
    const named = configuration.embedding_function?.type === "known" ? {} : { embeddingFunction: embeddingFunction ?? null };
    const copy = await session.client.createCollection({ name, metadata, schema, ...named });
    const told = ({ done, total }: { done: number; total: number }): void => onProgress(done, total, `${figure(done)} of ${figure(total)}`);
    const { imported } = await copy.import(source.export({ format: "jsonl", signal, onProgress: told }), { signal });
    session.openCollection(copy);
    return `Copied ${count(imported, "record")} to ${name}`;
  });
}

export async function backUp(session: Session, versions: boolean): Promise<void> {
  await session.work("Backup", async ({ signal, onProgress }) => {
    const told = (progress: { bytes: number; totalBytes: number | null }): void =>
      onProgress(progress.bytes, progress.totalBytes, bytes(progress.bytes));
    const file = await new Response(session.root.backup({ versions, signal, onProgress: told })).blob();
    offer(file, "tidepool.backup");
    return `Backed up everything: ${bytes(file.size)}`;
  });
}

export async function restore(session: Session, file: File, mode: RestoreMode): Promise<void> {
  await session.work("Restore", async ({ signal, onProgress }) => {
    const report = await session.root.restore(file, {
      mode,
      signal,
      onProgress: (progress) => onProgress(progress.bytes, progress.totalBytes, bytes(progress.bytes)),
    });
    return `Restored ${count(report.collections, "collection")} with ${count(report.records, "record")}`;
  });
}

/** As a download. */
function offer(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by the next turn, and has the bytes.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
