/**
 * "It loses nothing": writes batch after batch, kills the engine's worker in the middle of a write, opens the database again and counts.
 * What was acknowledged is written down outside of the database, so a page that is closed in mid-write finds out when it is back.
 */
import { type Collection, destroyPath, TidepoolClient } from "tidepool-db";
import { button, byId, counted, element } from "./dom.js";
import { startEngine } from "./engine.js";
import { acknowledgedKey } from "./proofs.js";

const path = "loss";
const batchRecords = 50;
const batchesMin = 8;
const killWithinMs = 4;

interface Verdict {
  acknowledged: number;
  found: number;
  /** Of the batch that was under way. */
  arrived: number;
}

export class LossProof {
  readonly #say = byId("loss-text");
  readonly #actions = byId("loss-actions");
  #worker: Worker | null = null;
  #client: TidepoolClient | null = null;

  start(): void {
    this.#run(this.#prove());
  }

  /** Ends a run that its page did not live to see the end of. */
  comeBack(): void {
    this.#run(this.#comeBack());
  }

  #offer(label: string): void {
    this.#actions.replaceChildren(button(label, { class: "button", "data-testid": "loss-run" }, () => this.start()));
  }

  #run(work: Promise<void>): void {
    this.#actions.replaceChildren();
    work
      .catch((error: unknown) => this.#step(error instanceof Error ? error.message : String(error)))
      .finally(() => this.#offer("Do it again"));
  }

  async #prove(): Promise<void> {
    this.#say.replaceChildren();
    await destroyPath({ path, worker: startEngine });
    const { acknowledged, afterMs } = await this.#writeUntilKilled(await this.#open());
    const then = afterMs === null ? "" : ` ${Math.round(afterMs)} ms later another had taken over, and finished the write.`;
    this.#step(`Killed the worker in mid-write.${then}`, "loss-killed");
    await this.#verify(acknowledged);
  }

  async #comeBack(): Promise<void> {
    this.#step("The page was closed while it wrote.");
    await this.#verify(Number(localStorage.getItem(acknowledgedKey)));
  }

  async #open(): Promise<Collection> {
    this.#client ??= new TidepoolClient({ path, worker: () => (this.#worker = startEngine()) });
    return this.#client.getOrCreateCollection({ name: "records", embeddingFunction: null });
  }

  /** What was acknowledged in all, and how long after the kill the client had the write under way acknowledged by another worker. */
  async #writeUntilKilled(records: Collection): Promise<{ acknowledged: number; afterMs: number | null }> {
    const step = this.#step("Writing…");
    const batches = batchesMin + Math.floor(Math.random() * batchesMin);
    let killedAt: number | null = null;
    const kill = (): void => {
      killedAt = performance.now();
      this.#worker!.terminate();
    };
    for (let acknowledged = 0; ; ) {
      const write = records.add(recordsFrom(acknowledged));
      // The write has been sent, and nobody knows how far it is.
      if (acknowledged === batches * batchRecords) setTimeout(kill, Math.random() * killWithinMs);
      const isDone = await write.then(
        () => true,
        () => false,
      );
      if (isDone) acknowledged += batchRecords;
      localStorage.setItem(acknowledgedKey, String(acknowledged));
      step.textContent = `Writing… ${counted(acknowledged)} acknowledged`;
      if (killedAt !== null || !isDone) return { acknowledged, afterMs: isDone && killedAt !== null ? performance.now() - killedAt : null };
    }
  }

  async #verify(acknowledged: number): Promise<void> {
    const started = performance.now();
    const records = await this.#open();
    const found = await records.count({ where: { number: { $lt: acknowledged } } });
    const arrived = (await records.count()) - found;
    this.#step(`Opened again in ${Math.round(performance.now() - started)} ms.`);
    this.#judge({ acknowledged, found, arrived });
    localStorage.removeItem(acknowledgedKey);
    await this.#client!.close();
    this.#client = null;
    await destroyPath({ path, worker: startEngine });
  }

  #judge({ acknowledged, found, arrived }: Verdict): void {
    const isWhole = found === acknowledged && arrived % batchRecords === 0;
    const rest = arrived === 0 ? "" : " The batch that was under way is there, too, and whole.";
    const step = this.#step(`${counted(found)} of ${counted(acknowledged)} acknowledged records are there.${rest}`, "loss-verdict");
    step.classList.add(isWhole ? "good" : "bad");
  }

  #step(text: string, testId = ""): HTMLElement {
    const step = element("li", testId ? { "data-testid": testId } : {}, text);
    this.#say.append(step);
    return step;
  }
}

function recordsFrom(first: number): { ids: string[]; embeddings: number[][]; metadatas: { number: number }[] } {
  const numbers = Array.from({ length: batchRecords }, (_, index) => first + index);
  return {
    ids: numbers.map((number) => `record-${number}`),
    embeddings: numbers.map((number) => [number % 7, number % 11, number % 13]),
    metadatas: numbers.map((number) => ({ number })),
  };
}
