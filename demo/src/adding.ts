/**
 * Adds files: reads them, stores them, and says once at the end what became of all of them. What is dropped meanwhile waits its turn.
 * A pause holds up what is to be stored; a stop ends what is under way and what waits; what was stored stays and is counted.
 */
import { TidepoolError } from "tidepool-db";
import { byId, counted, plural } from "./dom.js";
import { fetchPart } from "./fetch-part.js";
import type { FilePassage, FileSource, ReadProgress } from "./files/open-files.js";
import { Gate } from "./gate.js";
import type { Library } from "./library.js";
import { type Origin, type Passage, toPassages } from "./passage.js";
import { Slice } from "./slice.js";

export interface Source {
  origin: Origin;
  parts: readonly FilePassage[];
}

/** What became of the files of one drop, and of those that were dropped while it was under way. */
export interface Summary {
  added: { name: string; key: string; passages: number }[];
  refused: { name: string; reason: string }[];
  /** How some were read, in sentences. */
  notes: string[];
  wasStopped: boolean;
}

/** How long the finished bar stays, so that even a quick addition is seen. */
const shownAfterwardsMs = 2500;
const preparedAtOnce = 10;

export class Adding {
  readonly #library: Library;
  readonly #onDone: (summary: Summary) => void;
  readonly #gate = new Gate(byId<HTMLButtonElement>("progress-pause"));
  #waiting: File[] = [];
  #abort: AbortController | null = null;
  #hideTimer = 0;

  constructor(library: Library, onDone: (summary: Summary) => void) {
    this.#library = library;
    this.#onDone = onDone;
    byId("progress-stop").addEventListener("click", () => {
      this.#waiting = [];
      this.#abort?.abort();
      this.#gate.hide();
    });
  }

  /** Says whether they are read at once; otherwise they wait. */
  addFiles(files: readonly File[]): boolean {
    this.#waiting.push(...files);
    if (this.#abort) {
      this.#sayWaiting();
      return false;
    }
    void this.#drain();
    return true;
  }

  /** Puts in sources that need no reading; what was put in before a stop stays. Rejects with the database's error. */
  async addSources(sources: readonly Source[]): Promise<void> {
    const abort = this.#begin();
    const total = sources.reduce((sum, { parts }) => sum + parts.length, 0);
    let stored = 0;
    try {
      for (const source of sources) {
        const passages = await prepare(source, abort.signal);
        const onStored = (done: number): void => this.#show("Adding the notes", stored + done, total);
        await this.#library.addSource(passages, { signal: abort.signal, onStored });
        stored += passages.length;
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    } finally {
      this.#end(abort.signal.aborted ? "Stopped" : "Added the notes", stored, total);
    }
    if (this.#waiting.length > 0) void this.#drain();
  }

  async #drain(): Promise<void> {
    const abort = this.#begin();
    const summary: Summary = { added: [], refused: [], notes: [], wasStopped: false };
    try {
      while (this.#waiting.length > 0) await this.#addSome(this.#waiting.splice(0), summary, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) summary.refused.push({ name: "The rest", reason: error instanceof Error ? error.message : String(error) });
    }
    summary.wasStopped = abort.signal.aborted;
    const passages = summary.added.reduce((sum, added) => sum + added.passages, 0);
    this.#end(abort.signal.aborted ? "Stopped" : "Added", passages, passages);
    this.#onDone(summary);
  }

  async #addSome(files: readonly File[], summary: Summary, signal: AbortSignal): Promise<void> {
    // What reads files is loaded when there are some.
    const { readFiles } = await fetchPart("What reads files", import("./files/open-files.js"));
    const onProgress = ({ name, passages, fraction }: ReadProgress): void => this.#showReading(name, passages, fraction);
    for await (const read of readFiles(files, { signal, onProgress })) {
      const { key, name } = read.source;
      if ("refused" in read) {
        summary.refused.push({ name, reason: read.refused });
      } else {
        summary.notes.push(...read.notes);
        const passages = await prepare({ origin: ownFile(key), parts: read.passages }, signal);
        await this.#store({ key, name }, passages, summary, signal);
      }
    }
  }

  async #store({ key, name }: FileSource, passages: readonly Passage[], summary: Summary, signal: AbortSignal): Promise<void> {
    const added = { name, key, passages: 0 };
    summary.added.push(added);
    const onStored = (done: number): void => {
      added.passages = done;
      this.#show(`Adding ${name}`, done, passages.length);
    };
    try {
      await this.#library.addSource(passages, { signal, passed: () => this.#gate.passed, onStored });
    } catch (error) {
      // Of a batch that was under way it is not known; what is counted was acknowledged.
      if (!(error instanceof TidepoolError && error.code === "ABORTED")) summary.refused.push({ name, reason: String(error) });
      throw error;
    }
  }

  #begin(): AbortController {
    this.#abort = new AbortController();
    byId("progress-stop").hidden = false;
    this.#gate.show();
    return this.#abort;
  }

  #end(text: string, done: number, total: number): void {
    this.#abort = null;
    byId("progress-stop").hidden = true;
    this.#gate.hide();
    this.#show(text, done, total);
    this.#sayWaiting();
    this.#hideTimer = window.setTimeout(() => showProgress(false), shownAfterwardsMs);
  }

  /** A total of 0: nobody knows yet. */
  #show(text: string, done: number, total: number): void {
    clearTimeout(this.#hideTimer);
    showProgress(true);
    byId("progress-text").textContent = total === 0 ? text : `${text}: ${counted(done)} of ${plural(total, "passage")}`;
    const bar = byId<HTMLProgressElement>("progress-bar");
    bar.max = Math.max(1, total);
    bar.value = done;
  }

  #showReading(name: string, passages: number, fraction: number): void {
    this.#show(`Reading ${name}: ${plural(passages, "passage")}`, 0, 0);
    byId<HTMLProgressElement>("progress-bar").value = fraction;
  }

  #sayWaiting(): void {
    const waiting = this.#waiting.length;
    byId("progress-waiting").textContent = waiting === 0 ? "" : `${plural(waiting, "more file waits", "more files wait")}.`;
  }
}

/** What else stands at the page's lower edge makes room. */
function showProgress(isShown: boolean): void {
  byId("progress").hidden = !isShown;
  document.body.classList.toggle("adding", isShown);
}

/** Passages as they are stored, made in turns with the page. */
async function prepare({ origin, parts }: Source, signal: AbortSignal): Promise<Passage[]> {
  const passages: Passage[] = [];
  const slice = new Slice();
  for (let start = 0; start < parts.length; start += preparedAtOnce) {
    await slice.next();
    signal.throwIfAborted();
    for (const passage of toPassages(origin, parts.slice(start, start + preparedAtOnce), start)) passages.push(passage);
  }
  return passages;
}

function ownFile(key: string): Origin {
  return { key, topic: "Your files", kind: "file" };
}
