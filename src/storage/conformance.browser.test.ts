import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cdp } from "vitest/browser";
import { conformanceCases } from "../testing/storage-conformance.js";
import type { WorkerRequest, WorkerResponse, WorkerTargetKind } from "../testing/storage-conformance-worker.js";
import { conformanceTargets } from "../testing/storage-conformance-worker.js";

let worker: Worker;
beforeAll(() => {
  worker = new Worker(new URL("../testing/storage-conformance-worker.ts", import.meta.url), { type: "module" });
});
afterAll(() => worker.terminate());

let lastId = 0;

function ask(question: WorkerRequest["question"]): Promise<WorkerResponse> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const done = ({ data }: MessageEvent<WorkerResponse>) => {
      if (data.id !== id) return;
      worker.removeEventListener("message", done);
      resolve(data);
    };
    worker.addEventListener("message", done);
    worker.addEventListener("error", (event) => reject(new Error(event.message)), { once: true });
    worker.postMessage({ id, question } satisfies WorkerRequest);
  });
}

for (const kind of Object.keys(conformanceTargets) as WorkerTargetKind[]) {
  describe(`conformance of ${kind} in a dedicated worker`, () => {
    for (const { name } of conformanceCases(conformanceTargets[kind].capabilities)) {
      test(name, async () => expect((await ask({ kind, name })).error).toBeNull());
    }
  });
}

test.each([
  ["auto", "opfs"],
  ["opfs", "opfs"],
  ["indexeddb", "indexeddb"],
] as const)("storage %j opens %s", async (open, kind) => {
  expect(await ask({ open })).toMatchObject({ error: null, answer: kind });
});

/** Chromium only: what an origin may store, as if the disk were nearly full. */
async function setQuota(quotaSize?: number): Promise<void> {
  const session = cdp() as unknown as { send(method: string, parameters: object): Promise<unknown> };
  await session.send("Storage.overrideQuotaForOrigin", { origin: location.origin, quotaSize });
}

/** IndexedDB is left out: off the record Chromium lets it overshoot by what it has not yet counted. */
test("a full origin refuses blobs with QUOTA_EXCEEDED and keeps those it accepted", async () => {
  await setQuota(32 * 1024 * 1024);
  try {
    const { answer } = await ask({ fill: true });
    expect(answer).toMatchObject({ code: "QUOTA_EXCEEDED", intact: true });
    // Arenas double, but near the quota they grow by what still fits: more than the first 16 MiB is used.
    expect((answer as { accepted: number }).accepted).toBeGreaterThan(5);
  } finally {
    await setQuota();
  }
});
