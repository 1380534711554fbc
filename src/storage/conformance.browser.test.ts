import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { commands } from "vitest/browser";
import { conformanceCases } from "../testing/storage-conformance.js";
import type { Filled, WorkerRequest, WorkerResponse, WorkerTargetKind } from "../testing/storage-conformance-worker.js";
import { conformanceTargets } from "../testing/storage-conformance-worker.js";

const { accessHandles, driver } = inject("capabilities");
const kinds = (Object.keys(conformanceTargets) as WorkerTargetKind[]).filter((kind) => kind !== "opfs" || accessHandles === true);

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

for (const kind of kinds) {
  describe(`conformance of ${kind} in a dedicated worker`, () => {
    for (const { name } of conformanceCases(conformanceTargets[kind].capabilities)) {
      test(name, async () => expect((await ask({ kind, name })).error).toBeNull());
    }
  });
}

test.each([["auto", kinds[0]!] as const, ...kinds.map((kind) => [kind, kind] as const)])("storage %j opens %s", async (open, kind) => {
  expect(await ask({ open })).toMatchObject({ error: null, answer: kind });
});

declare module "vitest/browser" {
  interface BrowserCommands {
    /** See `tools/browser/nearly-full.ts`. */
    askNearlyFull(script: string, request: WorkerRequest, bytes: number): Promise<WorkerResponse>;
  }
}

test.runIf(driver === true).each(["opfs", "indexeddb"] as const)(
  "a full origin refuses blobs in %s with QUOTA_EXCEEDED and keeps those it accepted",
  async (kind) => {
    const script = new URL("../testing/storage-conformance-worker.ts", import.meta.url).href;
    const { error, answer } = await commands.askNearlyFull(script, { id: 1, question: { fill: kind } }, 80 * 1024 * 1024);
    expect(error).toBeNull();
    expect(answer).toMatchObject({ code: "QUOTA_EXCEEDED", intact: true });
    // Five blobs fill the first 48 MiB. Arenas double, but near the quota they grow by what still fits.
    expect((answer as Filled).accepted).toBeGreaterThan(5);
  },
);
