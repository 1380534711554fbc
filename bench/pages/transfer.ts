/** The page of the bench of exports, backups and restores. */
import { type Collection, type ExportFormat, TidepoolClient } from "tidepool-db";
import { fillClustered, isPublished } from "../clustered-collection.js";
import { expose } from "../page.js";

const FILE = "backup.tidepool";

const worker = (): Worker => new Worker(new URL("./tidepool/worker.js", location.href), { type: "module" });
const client = new TidepoolClient({ path: "transfer", worker });
let collection: Collection;

async function fill(records: number): Promise<void> {
  collection = await client.createCollection({ name: "bench", embeddingFunction: null });
  await fillClustered(collection, records);
}

interface Transferred {
  ms: number;
  bytes: number;
}

/** To nowhere: what a disk takes is not measured. */
async function exportAs(format: ExportFormat): Promise<Transferred> {
  const start = performance.now();
  let bytes = 0;
  await collection.export({ format }).pipeTo(new WritableStream({ write: (chunk) => void (bytes += chunk.length) }));
  return { ms: performance.now() - start, bytes };
}

async function backupFile(): Promise<FileSystemFileHandle> {
  return (await navigator.storage.getDirectory()).getFileHandle(FILE, { create: true });
}

async function backup(): Promise<Transferred> {
  const start = performance.now();
  const file = await backupFile();
  await client.backup().pipeTo(await file.createWritable());
  return { ms: performance.now() - start, bytes: (await file.getFile()).size };
}

/** How long the file takes, and how long it then is until a new database can rely on its files' names. */
async function restore(): Promise<Transferred & { settledMs: number; records: number }> {
  const file = await (await backupFile()).getFile();
  const target = new TidepoolClient({ path: "restored", worker });
  await target.heartbeat();
  const start = performance.now();
  let ms = 0;
  const onProgress = (): void => void (ms = performance.now() - start);
  const { records } = await target.restore(file, { mode: "new", onProgress });
  const settledMs = performance.now() - start - ms;
  await target.close();
  return { ms, bytes: file.size, settledMs, records };
}

const exposed = { fill, isPublished: () => isPublished(client), exportAs, backup, restore };
export type TransferPage = typeof exposed;
expose(exposed);
