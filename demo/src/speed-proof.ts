/**
 * "It is fast": stores generated records in a database of their own, and then asks it again and again, with the time that the engine
 * takes in its worker beside the way there and back, and the time until the page has drawn the answer. The records are made in a worker, so
 * the page stays free.
 */
import { type Collection, destroyPath, TidepoolClient } from "tidepool-db";
import { button, byId, counted, element, formatMs } from "./dom.js";
import { startEngine, startWorker } from "./engine.js";
import type { Generated } from "./generate-worker.js";
import workerUrl from "./generate-worker.ts?worker&url";

const path = "speed";
/** `?records=` in the address asks for another number. */
const recordsWanted = Number(new URLSearchParams(location.search).get("records") ?? 100_000);
const queriesPerRun = 40;

/** Milliseconds, query by query. */
interface Figures {
  /** In the worker alone, as the engine tells. */
  engine: number[];
  /** Until the page has the answer. */
  call: number[];
  /** Until it is drawn. */
  page: number[];
}

export class SpeedProof {
  readonly #say = byId("speed-text");
  readonly #bar = byId<HTMLProgressElement>("speed-bar");
  readonly #actions = byId("speed-actions");
  #client: TidepoolClient | null = null;
  #records: Collection | null = null;
  #generator: Worker | null = null;
  #rate = "";

  /** Stores them, and asks. */
  start(): void {
    this.#run(this.#load());
  }

  async #load(): Promise<void> {
    this.#offer(button("Stop", { class: "quiet" }, () => this.#run(this.#remove())));
    this.#client = new TidepoolClient({ path, worker: startEngine });
    this.#records = await this.#client.getOrCreateCollection({ name: "records", embeddingFunction: null });
    const generator = (this.#generator = startWorker(workerUrl));
    const started = performance.now();
    let stored = await this.#records.count();
    const first = stored;
    this.#bar.hidden = false;
    while (stored < recordsWanted && this.#generator) {
      const { ids, embeddings, documents } = await next(generator, stored);
      await this.#records.add({ ids, embeddings, documents });
      stored += ids.length;
      this.#bar.value = stored / recordsWanted;
      const perSecond = Math.round((stored - first) / ((performance.now() - started) / 1000));
      this.#rate = stored > first ? `stored at ${counted(perSecond)} a second, each one durable` : "stored before";
      this.#say.textContent = `${counted(stored)} records, ${this.#rate}`;
    }
    if (this.#generator) await this.#ask();
  }

  /** Asks one query after the other, as fast as they are answered and drawn. */
  async #ask(): Promise<void> {
    this.#bar.hidden = true;
    const figures: Figures = { engine: [], call: [], page: [] };
    let before = await this.#engineMs();
    for (let turn = 0; turn < queriesPerRun && this.#generator; turn++) {
      const { query } = await next(this.#generator, turn);
      const started = performance.now();
      const { ids, distances } = await this.#records!.query({ queryEmbeddings: [query], nResults: 10, include: ["distances"] });
      figures.call.push(performance.now() - started);
      this.#draw(figures, `${ids[0]![0]} at ${distances[0]![0]!.toFixed(3)}`);
      await new Promise((resolve) => requestAnimationFrame(resolve));
      figures.page.push(performance.now() - started);
      const after = await this.#engineMs();
      figures.engine.push(after - before);
      before = after;
    }
    this.#draw(figures, "");
    this.#offer(
      button("Ask again", { class: "quiet", "data-testid": "speed-ask" }, () => this.#run(this.#ask())),
      button("Remove them", { class: "quiet", "data-testid": "speed-remove" }, () => this.#run(this.#remove())),
    );
  }

  /** What all queries have taken in the engine's worker. */
  async #engineMs(): Promise<number> {
    const { methods } = await this.#client!.metrics();
    return methods["query"]?.ms.total ?? 0;
  }

  #draw({ engine, call, page }: Figures, nearest: string): void {
    const over = `over ${counted(recordsWanted)} records, ${this.#rate}`;
    this.#say.replaceChildren(
      element(
        "span",
        { class: "figures" },
        figure("Engine", engine, "speed-engine"),
        figure("There and back", call, "speed-call"),
        figure("On the screen", page, "speed-page"),
      ),
      element(
        "span",
        { class: "note" },
        nearest
          ? `Query ${call.length} of ${queriesPerRun}: nearest is ${nearest}`
          : `Median of ${call.length} queries ${over}. On the screen: at the next frame.`,
      ),
    );
  }

  async #remove(): Promise<void> {
    this.#generator?.terminate();
    this.#generator = null;
    await this.#client?.close({ force: true });
    await destroyPath({ path, worker: startEngine });
    this.#client = null;
    this.#bar.hidden = true;
    this.#say.textContent = "Removed.";
    this.#offer(button("Once more", { class: "button", "data-testid": "speed-load" }, () => this.start()));
  }

  #offer(...buttons: HTMLButtonElement[]): void {
    this.#actions.replaceChildren(...buttons);
  }

  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (this.#generator === null) return;
      this.#say.textContent = error instanceof Error ? error.message : String(error);
      this.#offer(button("Remove them", { class: "quiet" }, () => this.#run(this.#remove())));
    });
  }
}

function next(generator: Worker, from: number): Promise<Generated> {
  return new Promise((resolve) => {
    generator.addEventListener("message", ({ data }: MessageEvent<Generated>) => resolve(data), { once: true });
    generator.postMessage(from);
  });
}

function figure(name: string, times: readonly number[], testId: string): HTMLElement {
  const median = [...times].sort((a, b) => a - b)[times.length >> 1];
  return element(
    "span",
    { class: "figure", "data-testid": testId },
    element("b", {}, median === undefined ? "–" : formatMs(median)),
    element("span", {}, name),
  );
}
