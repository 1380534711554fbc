/** Engines that a test opens over storage of its own; they are closed when it ends. */
import { afterEach } from "vitest";
import { Engine, type EngineParts } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { TestEnvironment } from "./environment.js";
import { loadPatterns } from "./patterns.js";

const opened: Engine[] = [];

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});

type Given = Partial<Omit<EngineParts, "storage" | "options">> & { options?: Partial<OpenOptions> };

/** With the reference kernel and a clock of its own, unless it is said otherwise. */
export async function openedEngine(storage: Storage, { options, ...parts }: Given = {}): Promise<Engine> {
  const opening: OpenOptions = { path: "test", storage: "memory", durability: "strict", allowReset: false, ...options };
  const engine = await Engine.open({
    storage,
    kernel: referenceKernel,
    loadPatterns,
    environment: new TestEnvironment(),
    ...parts,
    options: opening,
  });
  opened.push(engine);
  return engine;
}
