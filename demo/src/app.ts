/** Connects the library with the panels. What is stored is shown as it changes, whichever tab changed it. */
import { TidepoolError } from "tidepool-db";
import { Adding, type Source, type Summary } from "./adding.js";
import type { Note } from "./corpus.js";
import { byId, formatMs, plural } from "./dom.js";
import { fetchPart } from "./fetch-part.js";
import type { FilterPanel } from "./filter-panel.js";
import { latestOnly } from "./latest-only.js";
import type { Library, Overview, Removed } from "./library.js";
import type { Found, MapPanel } from "./map-panel.js";
import { clearErrors, confirmDeletion, showError, showToast } from "./notices.js";
import { sourceKey, sourceName } from "./passage.js";
import type { ResultLists } from "./result-lists.js";
import type { Criteria, HitList, Mode } from "./search.js";
import { SourcePanel } from "./source-panel.js";
import { showStored } from "./status.js";
import type { StoragePanel } from "./storage-panel.js";
import { Understanding } from "./understanding.js";
import { UnderstandingPanel } from "./understanding-panel.js";

/** Between the last key and the search. */
const debounceMs = 90;
/** The panels rest this many times as long as it took to bring them up to date, so that a long addition is not slowed by being shown. */
const refreshRest = 4;
const announceMs = 600;

interface Asking {
  filters: FilterPanel;
  results: ResultLists;
  search: typeof import("./search.js").search;
}

export class App {
  readonly #library: Library;
  readonly #query = byId<HTMLInputElement>("query");
  /** `null` until something is asked: what asks and answers is loaded then. */
  #asking: Asking | null = null;
  readonly #sources: SourcePanel;
  /** `null` until it is opened. */
  #storage: StoragePanel | null = null;
  readonly #understanding: Understanding;
  readonly #understandingPanel: UnderstandingPanel;
  /** `null` until it is in view. */
  #map: MapPanel | null = null;
  #found: Found = { lists: [], topic: "" };
  readonly #adding: Adding;
  readonly #runSearch = latestOnly(() => this.#search().catch(showError));
  readonly #runRefresh = latestOnly(() => this.#refresh().catch(showError));
  #overview: Overview | null = null;
  #similarTo: Criteria["similarTo"] = null;
  #searchTimer = 0;
  #announceTimer = 0;

  constructor(library: Library) {
    this.#library = library;
    this.#understanding = new Understanding(library, () => this.#understandingPanel.show());
    this.#understandingPanel = new UnderstandingPanel(this.#understanding);
    this.#adding = new Adding(library, (summary) => void this.#onAdded(summary).catch(showError));
    this.#sources = new SourcePanel({
      addFiles: (files) => this.addFiles(files),
      deleteSource: (source) => void this.#offerUndo(library.deleteSource(source), sourceName(source)).catch(showError),
      deleteEverything: () => void this.#deleteEverything().catch(showError),
      restoreBundled: () => void this.addBundled(),
      showSource: (source) => this.#showSource(source),
      chooseTopic: (topic) => this.#choose("topic", topic),
    });
    this.#listen();
  }

  /** Shows what is stored from now on, and has the model loaded once that is to be seen. */
  async start(): Promise<void> {
    this.#library.watch(() => this.refresh());
    this.refresh();
    if (!this.#library.wasFilled) await this.addBundled();
    this.#openMapInView();
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
      const { notes } = await fetchPart("The demo's own notes", import("virtual:corpus"));
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
    this.#asking?.filters.offer(overview);
    this.#showSources(overview);
    this.#understandingPanel.show(overview);
    if (overview.pending > 0) this.#understanding.readPending();
    this.#runSearch(undefined);
    showStored(await this.#library.client.info());
    await this.#storage?.refresh();
    void this.#map?.draw(overview).catch(showError);
    await new Promise((resolve) => setTimeout(resolve, refreshRest * (performance.now() - started)));
  }

  #searchSoon(): void {
    clearTimeout(this.#searchTimer);
    this.#searchTimer = window.setTimeout(() => this.#runSearch(undefined), debounceMs);
  }

  async #search(): Promise<void> {
    const query = this.#similarTo ? "" : this.#query.value;
    const isAsked = query.trim() !== "" || this.#similarTo !== null;
    if (!isAsked && !this.#asking) return await this.#land();
    const { filters: panel, results, search } = await this.#openAsking();
    const filters = panel.read();
    if (!filters) return;
    const criteria: Criteria = { ...filters, query, similarTo: this.#similarTo, mode: this.#mode };
    if (!isAsked && !filters.where && !filters.whereDocument) return await this.#land(criteria);
    document.body.dataset["view"] = "results";
    const lists = await search(this.#library, this.#understanding, criteria).catch((error: unknown) => this.#refuse(error));
    if (!lists) return;
    const started = performance.now();
    await results.show({ lists, criteria, contains: filters.contains });
    this.#summarise(lists, performance.now() - started);
    await this.#mark({ lists, similarTo: criteria.similarTo?.id, topic: panel.topic });
  }

  /** Nothing is asked: what answered the last question goes. */
  async #land(criteria?: Criteria): Promise<void> {
    document.body.dataset["view"] = "landing";
    if (criteria) await this.#asking?.results.show({ lists: [], criteria, contains: "" });
    await this.#mark({ lists: [], topic: this.#topic });
  }

  async #mark(found: Found): Promise<void> {
    this.#found = found;
    await this.#map?.mark(found).catch(showError);
  }

  get #topic(): string {
    return this.#asking?.filters.topic ?? "";
  }

  async #openAsking(): Promise<Asking> {
    const { FilterPanel, ResultLists, search } = await fetchPart("The search", import("./asking.js"));
    if (this.#asking) return this.#asking;
    const actions = {
      findSimilar: (hit: { id: string; title: string }) => this.#findSimilar(hit),
      deletePassage: (hit: { id: string; title: string }) =>
        void this.#offerUndo(this.#library.deletePassage(hit.id), `a passage of “${hit.title}”`).catch(showError),
      showSource: (source: string) => this.#showSource(source),
    };
    const filters = new FilterPanel(() => this.#searchSoon());
    if (this.#overview) filters.offer(this.#overview);
    return (this.#asking = { filters, results: new ResultLists(actions, () => this.#query.focus()), search });
  }

  #choose(field: "topic" | "source", value: string): void {
    this.#openAsking().then(({ filters }) => filters.choose(field, value), showError);
  }

  #showSources(overview: Overview): void {
    this.#sources.show(overview, this.#topic);
  }

  /** Its first look at the map is when it is loaded. */
  #openMapInView(): void {
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watch.disconnect();
      this.#openMap().catch(showError);
    });
    watch.observe(byId("map"));
  }

  async #openStorage(): Promise<void> {
    const { StoragePanel } = await fetchPart("What is known of the storage", import("./storage-panel.js"));
    this.#storage = new StoragePanel(this.#library);
    await this.#storage.refresh();
  }

  async #openMap(): Promise<void> {
    const { MapPanel } = await fetchPart("The map", import("./map-panel.js"));
    const map = new MapPanel(
      this.#library,
      (passage) => this.#findSimilar(passage),
      () => void map.mark(this.#found).catch(showError),
    );
    this.#map = map;
    if (this.#overview) await map.draw(this.#overview);
  }

  #showSource(source: string): void {
    this.#choose("source", source);
  }

  /** A filter that the reader wrote may be refused; the reason then belongs beside it. */
  #refuse(error: unknown): null {
    const filters = this.#asking?.filters;
    const isOwn = error instanceof TidepoolError && error.code === "INVALID_ARGUMENT" && filters?.hasOwnFilter;
    if (!isOwn) throw error;
    filters.showOwnError(error.message);
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

  async #onAdded(summary: Summary): Promise<void> {
    this.refresh();
    const { showSummary } = await fetchPart("What became of the files", import("./summary-notice.js"));
    showSummary(summary);
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
    this.#map?.forget();
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
      this.#asking?.results.focusFirst();
    });
    form.addEventListener("input", () => {
      this.#similarTo = null;
      this.#searchSoon();
    });
    byId("filter-form").addEventListener("input", () => this.#overview && this.#showSources(this.#overview));
    byId("similar-clear").addEventListener("click", () => this.#clearQuery());
    byId("examples").addEventListener("click", (event) => {
      if (!(event.target instanceof HTMLButtonElement)) return;
      this.#query.value = event.target.textContent ?? "";
      this.#query.focus();
      this.#runSearch(undefined);
    });
    byId("storage-card").addEventListener("toggle", () => void this.#openStorage().catch(showError), { once: true });
    byId("map-size").addEventListener("click", () => this.#toggleMap());
    this.#query.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && this.#asking?.results.focusFirst()) event.preventDefault();
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
  return { origin: { key: sourceKey(name), topic, kind: "note" }, parts };
}
