/**
 * Runs conformance cases inside a dedicated worker, the only place with synchronous OPFS handles. A test page posts
 * `{ id, kind, name }` and gets `{ id, error }` back; `error` is `null` when the case passed.
 */
import { runConformanceCase } from "./conformance.js";
import type { ConformanceTarget } from "./conformance.js";
import { openIndexedDbStorage } from "./idb/indexeddb-storage.js";
import { openOpfsStorage } from "./opfs/opfs-storage.js";
import { openStorage } from "./open-storage.js";

export type WorkerTargetKind = keyof typeof conformanceTargets;

export const conformanceTargets = {
  opfs: { open: (name) => openOpfsStorage(name, "strict", Date.now), capabilities: { arenas: true } },
  indexeddb: { open: (name) => openIndexedDbStorage(name, "strict"), capabilities: { arenas: false } },
} satisfies Record<string, ConformanceTarget>;

/** A question that only a worker can answer: the kind of storage that is opened here. */
async function openedKind(storage: "auto" | "opfs" | "indexeddb"): Promise<string> {
  const opened = await openStorage({ path: `kind ${storage}`, storage, durability: "strict", allowReset: false }, { now: Date.now });
  await opened.destroy();
  return opened.kind;
}

export type WorkerRequest = { id: number } & ({ kind: WorkerTargetKind; name: string } | { open: "auto" | "opfs" | "indexeddb" });

export interface WorkerResponse {
  id: number;
  error: string | null;
  opened?: string;
}

async function answer(request: WorkerRequest): Promise<WorkerResponse> {
  const { id } = request;
  try {
    if ("open" in request) return { id, error: null, opened: await openedKind(request.open) };
    await runConformanceCase(request.name, conformanceTargets[request.kind]);
    return { id, error: null };
  } catch (error) {
    return { id, error: error instanceof Error ? `${error.stack ?? error.message}` : String(error) };
  }
}

// The page imports this module's types and targets too; only a worker has no document and answers.
if (!("document" in globalThis)) {
  globalThis.addEventListener("message", async ({ data }: MessageEvent<WorkerRequest>) => {
    (globalThis as unknown as { postMessage(message: WorkerResponse): void }).postMessage(await answer(data));
  });
}
