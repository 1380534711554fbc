import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { conformanceCases } from "./conformance.js";
import { conformanceTargets } from "./conformance-worker.js";
import type { WorkerRequest, WorkerResponse, WorkerTargetKind } from "./conformance-worker.js";

let worker: Worker;
beforeAll(() => {
  worker = new Worker(new URL("./conformance-worker.ts", import.meta.url), { type: "module" });
});
afterAll(() => worker.terminate());

type Question = WorkerRequest extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

let lastId = 0;

function ask(question: Question): Promise<WorkerResponse> {
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const done = ({ data }: MessageEvent<WorkerResponse>) => {
      if (data.id !== id) return;
      worker.removeEventListener("message", done);
      resolve(data);
    };
    worker.addEventListener("message", done);
    worker.addEventListener("error", (event) => reject(new Error(event.message)), { once: true });
    worker.postMessage({ id, ...question });
  });
}

for (const kind of Object.keys(conformanceTargets) as WorkerTargetKind[]) {
  describe(`conformance of ${kind} in a dedicated worker`, () => {
    for (const { name } of conformanceCases(conformanceTargets[kind].capabilities)) {
      test(name, async () => expect((await ask({ kind, name })).error).toBeNull());
    }
  });
}

test.each([["auto", "opfs"], ["opfs", "opfs"], ["indexeddb", "indexeddb"]] as const)("storage %j opens %s", async (open, kind) => {
  expect(await ask({ open })).toMatchObject({ error: null, opened: kind });
});
