/** Who wins a conflict, by the rule that a sync was asked for. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateMetadata } from "../../core/gateway/validate/records.js";
import { readArguments, readObject } from "../read-arguments.js";
import type { Asked, SyncAnswer, SyncConflict, SyncResolution, SyncWinner } from "./sync-options.js";
import type { SyncRecord } from "./sync-record.js";

export const isWinner = (answer: SyncWinner | SyncRecord): answer is SyncWinner => typeof answer === "string";

export class Resolver {
  readonly #rule: Asked["conflict"];
  readonly #revisionKey: string | undefined;
  readonly #tell: (resolution: SyncResolution) => void;

  constructor({ conflict, revisionKey }: Pick<Asked, "conflict" | "revisionKey">, tell: (resolution: SyncResolution) => void) {
    this.#rule = conflict;
    this.#revisionKey = revisionKey;
    this.#tell = tell;
  }

  /** Tells of the conflict, and what becomes of it: whose state wins, or a record in the place of both. What is `decided` needs no rule. */
  async resolve(conflict: SyncConflict, digests: Record<SyncWinner, string>, decided: SyncWinner | null): Promise<SyncWinner | SyncRecord> {
    const winner = decided ?? (await this.#winner(conflict, digests));
    this.#tell({ ...conflict, winner: isWinner(winner) ? winner : "merged" });
    return winner;
  }

  async #winner(conflict: SyncConflict, digests: Record<SyncWinner, string>): Promise<SyncWinner | SyncRecord> {
    // Nobody has deleted what a server has lost.
    if (conflict.reason === "restored" && conflict.remote === null) return "local";
    if (typeof this.#rule === "function") return readAnswer(conflict, await this.#rule(conflict));
    return this.#rule === "newest" ? this.#newest(conflict, digests) : this.#rule;
  }

  /** What was written wins over what was deleted, which has no revision. Of equal ones the same wins on every device. */
  #newest({ local, remote }: SyncConflict, digests: Record<SyncWinner, string>): SyncWinner {
    const [here, there] = [this.#revisionOf(local), this.#revisionOf(remote)];
    if (here !== there) return here > there ? "local" : "remote";
    return digests.local > digests.remote ? "local" : "remote";
  }

  #revisionOf(record: SyncRecord | null): number {
    if (record === null) return -Infinity;
    const revision = record.metadata?.[this.#revisionKey!];
    return typeof revision === "number" ? revision : -Number.MAX_VALUE;
  }
}

/** The record that both sides get; what the function leaves out is as it is here, or else there. */
function readAnswer({ id, local, remote }: SyncConflict, answer: SyncAnswer): SyncWinner | SyncRecord {
  if (answer === "local" || answer === "remote") return answer;
  return readArguments("conflict", () => {
    if (typeof answer !== "object" || answer === null)
      throw invalidArgument(`conflict must answer "local", "remote" or a record, got ${show(answer)}`);
    const given = readObject(answer, "what conflict answers with", "embedding document metadata uri");
    if (given.metadata != null) validateMetadata(given.metadata, "metadata");
    const { embedding, document, metadata, uri } = { ...(local ?? remote!), ...given };
    for (const [name, text] of Object.entries({ document, uri })) {
      if (text !== null && typeof text !== "string") throw invalidArgument(`${name} must be a string or null, got ${show(text)}`);
    }
    return { id, embedding: Float32Array.from(embedding), document, metadata: metadata ?? null, uri };
  });
}
