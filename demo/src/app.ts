/** Connects the library with the panels. What is stored is shown as it changes, whichever tab changed it. */
import { TidepoolError } from "tidepool-db";
import { Adding, type Source, type Summary } from "./adding.js";
import type { Note } from "./corpus.js";
import { byId, formatMs, plural } from "./dom.js";
import { FilterPanel } from "./filter-panel.js";
import { latestOnly } from "./latest-only.js";
import type { Library, Overview, Removed } from "./library.js";
import { clearErrors, confirmDeletion, showError, showSummary, showToast } from "./notices.js";
import { sourceKey, sourceName, toPassages } from "./passage.js";
import { project } from "./projection.js";
import type { ResultLists } from "./result-lists.js";
import type { Criteria, HitList, Mode } from "./search.js";
import { SourcePanel } from "./source-panel.js";
import { StoragePanel } from "./storage-panel.js";
import { Understanding } from "./understanding.js";
import { UnderstandingPanel } from "./understanding-panel.js";
import { VectorMap } from "./vector-map.js";

/** Between the last key and the search. */
const debounceMs = 90;
/** The panels rest this many times as long as it took to bring them up to date, so that a long addition is not slowed by being shown. */
const refreshRest = 4;
const announceMs = 600;

export class App {
  readonly #library: Library;
  readonly #query = byId<HTMLInputElement>("query");
  readonly #filters = new FilterPanel(() => this.#searchSoon());
  /** `null` until something is asked: what asks and answers is loaded then. */
  #results: ResultLists | null = null;
  readonly #sources: SourcePanel;
  readonly #storage: StoragePanel;
  readonly #understanding: Understanding;
  readonly #understandingPanel: UnderstandingPanel;
  readonly #map: VectorMap;
  readonly #adding: Adding;
  readonly #runSearch = latestOnly(() => this.#search().catch(showError));
  readonly #runRefresh = latestOnly(() => this.#refresh().catch(showError));
  #overview: Overview | null = null;
  #similarTo: Criteria["similarTo"] = null;
  #searchTimer = 0;
  #announceTimer = 0;
  #mapping = new AbortController();
  /** What the map shows: it is drawn anew when that has changed. */
  #mapped = "";

  constructor(library: Library) {
    this.#library = library;
    this.#storage = new StoragePanel(library);
    this.#understanding = new Understanding(library, () => this.#understandingPanel.show());
    this.#understandingPanel = new UnderstandingPanel(this.#understanding);
    this.#map = new VectorMap((entry) => this.#findSimilar(entry));
    this.#adding = new Adding(library, (summary) => this.#onAdded(summary));
    this.#sources = new SourcePanel({
      addFiles: (files) => this.addFiles(files),
      deleteSource: (source) => void this.#offerUndo(library.deleteSource(source), sourceName(source)).catch(showError),
      deleteEverything: () => void this.#deleteEverything().catch(showError),
      restoreBundled: () => void this.addBundled(),
      showSource: (source) => this.#showSource(source),
      chooseTopic: (topic) => this.#filters.choose("topic", topic),
    });
    addEventListener("themechange", () => this.#map.recolour());
    this.#listen();
  }

  /** Shows what is stored from now on, and has the model loaded once that is to be seen. */
  async start(): Promise<void> {
    await this.#library.watch(() => this.refresh());
    this.refresh();
    if (!this.#library.wasFilled) await this.addBundled();
    // The page's first paint and the reader's first key come before seven megabytes.
    setTimeout(() => void this.#understand(), 300);
  }

  refresh(): void {
    this.#runRefresh(undefined);
  }

  addFiles(files: readonly File[]): void {
    if (files.length > 0 && !this.#adding.addFiles(files)) showToast(`${plural(files.length, "file")} will be added after these.`);
  }

  /** Puts in the notes that come with the demo. Doing it again mends what an interrupted first time left out. */
  async addBundled(): Promise<void> {
    try {
      const { notes } = await import("virtual:corpus");
      await this.#adding.addSources(notes.map(toSource));
      await this.#library.rememberFilled();
    } catch (error) {
      showError(error);
    }
  }

  async #understand(): Promise<void> {
    try {
      await this.#understanding.load();
      this.#understanding.readPending();
      this.#searchSoon();
    } catch (error) {
      showError(error);
    }
  }

  async #refresh(): Promise<void> {
    const started = performance.now();
    const overview = (this.#overview = await this.#library.overview());
    this.#filters.offer(overview);
    this.#sources.show(overview, this.#filters.topic);
    this.#understandingPanel.show(overview);
    if (overview.pending > 0) this.#understanding.readPending();
    this.#runSearch(undefined);
    await this.#storage.refresh();
    void this.#drawMap(overview).catch(showError);
    await new Promise((resolve) => setTimeout(resolve, refreshRest * (performance.now() - started)));
  }

  #searchSoon(): void {
    clearTimeout(this.#searchTimer);
    this.#searchTimer = window.setTimeout(() => this.#runSearch(undefined), debounceMs);
  }

  async #search(): Promise<void> {
    const filters = this.#filters.read();
    if (!filters) return;
    const query = this.#similarTo ? "" : this.#query.value;
    const criteria: Criteria = { ...filters, query, similarTo: this.#similarTo, mode: this.#mode };
    const isLanding = query.trim() === "" && !this.#similarTo && !filters.where && !filters.whereDocument;
    document.body.dataset["view"] = isLanding ? "landing" : "results";
    if (isLanding) return await this.#land(criteria);
    const [{ search }, results] = await Promise.all([import("./search.js"), this.#openResults()]);
    const lists = await search(this.#library, this.#understanding, criteria).catch((error: unknown) => this.#refuse(error));
    if (!lists) return;
    const started = performance.now();
    await results.show({ lists, criteria, contains: filters.contains });
    this.#summarise(lists, performance.now() - started);
    await this.#markOnMap(lists, criteria.similarTo?.id).catch(showError);
  }

  /** Nothing is asked: what answered the last question goes. */
  async #land(criteria: Criteria): Promise<void> {
    await this.#results?.show({ lists: [], criteria, contains: "" });
    this.#map.mark({ ids: [], query: null, topic: this.#filters.topic });
  }

  async #openResults(): Promise<ResultLists> {
    const { ResultLists } = await import("./result-lists.js");
    const actions = {
      findSimilar: (hit: { id: string; title: string }) => this.#findSimilar(hit),
      deletePassage: (hit: { id: string; title: string }) =>
        void this.#offerUndo(this.#library.deletePassage(hit.id), `a passage of “${hit.title}”`).catch(showError),
      showSource: (source: string) => this.#showSource(source),
    };
    return (this.#results ??= new ResultLists(actions, () => this.#query.focus()));
  }

  #showSource(source: string): void {
    this.#filters.choose("source", source);
  }

  /** A filter that the reader wrote may be refused; the reason then belongs beside it. */
  #refuse(error: unknown): null {
    const isOwn = error instanceof TidepoolError && error.code === "INVALID_ARGUMENT" && this.#filters.hasOwnFilter;
    if (!isOwn) throw error;
    this.#filters.showOwnError(error.message);
    return null;
  }

  #summarise(lists: readonly HitList[], drawMs: number): void {
    const what = this.#similarTo ? `Similar to “${this.#similarTo.title}”: ` : "";
    const found = lists.map(
      ({ kind, hits }) => `${plural(hits.length, kind === "browse" ? "passage" : "hit")}${lists.length > 1 ? ` by ${kind}` : ""}`,
    );
    const embedMs = lists[0]?.embedMs ?? null;
    const times = [
      ...(embedMs === null ? [] : [`model ${formatMs(embedMs)}`]),
      ...lists.map(({ kind, ms }) => `${lists.length > 1 ? `${kind} search` : "database"} ${formatMs(ms)}`),
      `page ${formatMs(drawMs)}`,
    ];
    byId("similar-clear").hidden = this.#similarTo === null;
    byId("summary").textContent = what + found.join(", ");
    byId("times").textContent = times.join(" · ");
    const isWordsOnly = this.#query.value.trim() !== "" && !this.#understanding.isReady;
    byId("words-only").hidden = !isWordsOnly;
    // Said only once typing has paused: a screen reader would otherwise be interrupted at every letter.
    clearTimeout(this.#announceTimer);
    this.#announceTimer = window.setTimeout(() => (byId("announcement").textContent = what + found.join(", ")), announceMs);
  }

  async #markOnMap(lists: readonly HitList[], similarTo: string | undefined): Promise<void> {
    const isAsked = lists.some(({ kind }) => kind !== "browse");
    const ids = isAsked ? [...new Set(lists.flatMap(({ hits }) => hits.map(({ id }) => id)))] : [];
    const query = lists.find(({ embedding }) => embedding !== null)?.embedding ?? null;
    const missing = this.#map.missing(similarTo ? [...ids, similarTo] : ids);
    if (missing.length > 0) {
      const { entries, rows } = await this.#library.entriesOf(missing);
      this.#map.include(entries, rows);
    }
    this.#map.mark({ ids, query, topic: this.#filters.topic });
  }

  async #drawMap({ total, pending }: Overview): Promise<void> {
    // While passages are read, every so many are worth another map.
    const state = `${total} ${Math.ceil(pending / Math.max(16, total / 8))}`;
    if (state === this.#mapped) return;
    this.#mapped = state;
    this.#mapping.abort();
    const { signal } = (this.#mapping = new AbortController());
    const { entries, rows } = await this.#library.vectors(total, signal);
    if (signal.aborted) return;
    byId("map-empty").hidden = entries.length > 2;
    const projection = await project(rows, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return null;
    });
    if (!projection) return;
    this.#map.show(entries, projection);
    byId("map-note").textContent =
      entries.length < total - pending ? `A sample of ${entries.length.toLocaleString()}` : `All ${plural(entries.length, "vector")}`;
    this.#runSearch(undefined);
  }

  #onAdded(summary: Summary): void {
    showSummary(summary);
    this.refresh();
  }

  async #offerUndo(removing: Promise<Removed>, what: string): Promise<void> {
    const removed = await removing;
    this.#redraw();
    if (removed.ids.length > 0) showToast(`Deleted ${what}.`, () => void this.#restore(removed).catch(showError));
  }

  async #restore(removed: Removed): Promise<void> {
    await this.#library.restore(removed);
    this.#redraw();
  }

  /** Brings all up to date, and the map even where as many are stored as before. */
  #redraw(): void {
    this.#mapped = "";
    this.refresh();
  }

  async #deleteEverything(): Promise<void> {
    const total = this.#overview?.total ?? 0;
    if (!(await confirmDeletion(`Delete all ${plural(total, "passage")}? This cannot be undone.`, "Delete everything"))) return;
    await this.#library.deleteEverything();
    clearErrors();
    showToast("Everything is deleted.");
    this.refresh();
  }

  #findSimilar({ id, title }: { id: string; title: string }): void {
    this.#similarTo = { id, title };
    this.#query.value = "";
    this.#runSearch(undefined);
    document.body.classList.remove("map-large");
    scrollTo({ top: 0 });
    byId("results").focus({ preventScroll: true });
  }

  get #mode(): Mode {
    return new FormData(byId<HTMLFormElement>("search-form")).get("mode") as Mode;
  }

  #listen(): void {
    const form = byId<HTMLFormElement>("search-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#results?.focusFirst();
    });
    form.addEventListener("input", () => {
      this.#similarTo = null;
      this.#searchSoon();
    });
    byId("filter-form").addEventListener("input", () => this.#overview && this.#sources.show(this.#overview, this.#filters.topic));
    byId("similar-clear").addEventListener("click", () => this.#clearQuery());
    byId("examples").addEventListener("click", (event) => {
      if (!(event.target instanceof HTMLButtonElement)) return;
      this.#query.value = event.target.textContent ?? "";
      this.#query.focus();
      this.#runSearch(undefined);
    });
    byId("map-size").addEventListener("click", () => this.#toggleMap());
    this.#query.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && this.#results?.focusFirst()) event.preventDefault();
    });
    addEventListener("keydown", (event) => this.#onKey(event));
  }

  #toggleMap(): void {
    const isLarge = document.body.classList.toggle("map-large");
    byId("map-size").textContent = isLarge ? "Smaller" : "Larger";
    byId("map-size").setAttribute("aria-pressed", String(isLarge));
  }

  #onKey(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#query.select();
    } else if (event.key === "Escape" && document.body.classList.contains("map-large")) {
      this.#toggleMap();
    } else if (event.key === "Escape" && (!typing || event.target === this.#query) && !document.querySelector("dialog[open]")) {
      this.#clearQuery();
    }
  }

  #clearQuery(): void {
    this.#similarTo = null;
    this.#query.value = "";
    this.#query.focus();
    this.#runSearch(undefined);
  }
}

function toSource({ name, topic, parts }: Note): Source {
  const key = sourceKey(name);
  return { key, passages: toPassages({ key, topic, kind: "note" }, parts) };
}
