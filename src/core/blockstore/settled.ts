/** Waiting until blocks can be named by what is committed: until the names of their arenas are safe, up to a minute after the first. */
import type { Environment } from "../storage.js";
import type { BlockStore } from "./blockstore.js";

export interface SettlingParts {
  blocks: Pick<BlockStore, "settledAt">;
  environment: Pick<Environment, "now" | "schedule">;
}

export async function untilSettled({ blocks, environment }: SettlingParts): Promise<void> {
  const waitMs = blocks.settledAt() - environment.now();
  if (waitMs > 0) await new Promise<void>((resolve) => void environment.schedule(resolve, waitMs));
}
