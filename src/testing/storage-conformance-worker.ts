/**
 * Runs conformance cases inside a dedicated worker, the only place with synchronous OPFS handles, and answers questions
 * that take a real browser. A test page posts a question with an `id` and gets `{ id, error, answer }` back; `error` is
 * `null` when the case passed.
 */
import { TidepoolError } from "../core/errors.js";
import type { Extent } from "../core/storage.js";
import { equalBytes } from "../storage/bytes.js";
import { openIndexedDbStorage } from "../storage/idb/indexeddb-storage.js";
import { openStorage } from "../storage/open-storage.js";
import { openOpfsStorage } from "../storage/opfs/opfs-storage.js";
import type { ConformanceTarget } from "./storage-conformance.js";
import { pattern, runConformanceCase } from "./storage-conformance.js";

const MiB = 1024 * 1024;

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

/** What came of writing blobs until the browser refused one: the code, and whether what it accepted before is there. */
export interface Filled {
  code: unknown;
  accepted: number;
  intact: boolean;
}

/**
 * The first blob is large, for OPFS: of the arena that it makes the double does not fit, but somewhat more does. With small
 * blobs alone arenas would grow from one power of two to the next, as Chromium's reservations do, and both or none would fit.
 */
async function fillUp(kind: WorkerTargetKind): Promise<Filled> {
  const storage = await conformanceTargets[kind].open("full");
  await storage.blobs.retain([]);
  const extents: Extent[] = [];
  const write = async (i: number) => void extents.push(await storage.blobs.write(pattern((i === 0 ? 34 : 3) * MiB, i)));
  const code = await untilRefused(write);
  const blobs = await storage.blobs.read(extents.map((extent) => ({ extent, start: 0, length: extent.length })));
  const intact = blobs.every((bytes, i) => equalBytes(bytes, pattern(bytes.length, i)));
  await storage.destroy();
  return { code, accepted: blobs.length, intact };
}

async function untilRefused(write: (i: number) => Promise<void>): Promise<unknown> {
  for (let i = 0; i < 20; i++) {
    try {
      await write(i);
    } catch (error) {
      return error instanceof TidepoolError ? error.code : String(error);
    }
  }
  return "never refused";
}

type Question = { kind: WorkerTargetKind; name: string } | { open: "auto" | "opfs" | "indexeddb" } | { fill: WorkerTargetKind };

export type WorkerRequest = { id: number; question: Question };

export interface WorkerResponse {
  id: number;
  error: string | null;
  answer?: unknown;
}

async function respond({ id, question }: WorkerRequest): Promise<WorkerResponse> {
  try {
    if ("open" in question) return { id, error: null, answer: await openedKind(question.open) };
    if ("fill" in question) return { id, error: null, answer: await fillUp(question.fill) };
    await runConformanceCase(question.name, conformanceTargets[question.kind]);
    return { id, error: null };
  } catch (error) {
    return { id, error: error instanceof Error ? `${error.stack ?? error.message}` : String(error) };
  }
}

// The page imports this module's types and targets too; only a worker has no document and answers.
if (!("document" in globalThis)) {
  globalThis.addEventListener("message", async ({ data }: MessageEvent<WorkerRequest>) => {
    (globalThis as unknown as { postMessage(message: WorkerResponse): void }).postMessage(await respond(data));
  });
}
