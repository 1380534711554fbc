/** The demo: opens the library, fills it on the first visit, and connects the panels to it. Start reading here, then library.ts. */
import { TidepoolError } from "tidepool-db";
import { addSources, type Source } from "./adding.js";
import { bundledSources } from "./corpus.js";
import { byId, plural } from "./dom.js";
import { FilterPanel } from "./filter-panel.js";
import { latestOnly } from "./latest-only.js";
import { type Entry, Library } from "./library.js";
import { clearErrors, confirmDeletion, showError, showToast } from "./notices.js";
import { projectToPlane } from "./principal-axes.js";
import { readFile } from "./read-file.js";
import { formatMs, ResultLists } from "./result-lists.js";
import { type Criteria, type HitList, type Mode, search } from "./search.js";
import { SourcePanel } from "./source-panel.js";
import { StoragePanel, showStatus } from "./storage-panel.js";
import { setUpTheme } from "./theme.js";
import { VectorMap } from "./vector-map.js";

class Demo {
  readonly #library: Library;
  readonly #query = byId<HTMLInputElement>("query");
  readonly #filters = new FilterPanel(() => this.search());
  readonly #results: ResultLists;
  readonly #sources: SourcePanel;
  readonly #storage: StoragePanel;
  readonly #map: VectorMap;
  readonly #runSearch = latestOnly(() => this.#search().catch(showError));
  readonly #runRefresh = latestOnly(() => this.#refresh().catch(showError));
  #entries: Entry[] = [];
  #similarTo: Criteria["similarTo"] = null;
  #announceTimer = 0;
  #mapping = new AbortController();

  constructor(library: Library) {
    this.#library = library;
    this.#storage = new StoragePanel(library);
    this.#map = new VectorMap((entry) => this.#findSimilar(entry));
    this.#results = new ResultLists({
      findSimilar: (hit) => this.#findSimilar(hit),
      deletePassage: (hit) => void this.#deletePassage(hit).catch(showError),
      leave: () => this.#query.focus(),
    });
    this.#sources = new SourcePanel({
      addFiles: (files) => void this.#addFiles(files),
      deleteSource: (source, count) => void this.#deleteSource(source, count).catch(showError),
      deleteEverything: () => void this.#deleteEverything().catch(showError),
      restoreBundled: () => void this.addBundled(),
      chooseTopic: (topic) => this.#chooseTopic(topic),
    });
    addEventListener("themechange", () => this.#map.redraw());
    this.#listen();
  }

  /** Shows the library as it is now: hits, sources, map and storage. */
  refresh(): void {
    this.#runRefresh(undefined);
  }

  /** Searches for what the form says, as soon as a search under way is done. */
  search(): void {
    this.#runSearch(undefined);
  }

  /** Puts in the passages that come with the demo. Doing it again mends what an interrupted first time left out. */
  async addBundled(): Promise<void> {
    if (await this.#add(await bundledSources())) await this.#library.rememberFilled().catch(showError);
  }

  async #refresh(): Promise<void> {
    this.#entries = await this.#library.entries();
    this.#filters.offer(this.#entries);
    this.#sources.show(this.#entries, this.#filters.topic);
    this.search();
    await this.#storage.refresh();
    void this.#drawMap().catch(showError);
  }

  async #search(): Promise<void> {
    const filters = this.#filters.read();
    if (!filters) return;
    const query = this.#similarTo ? "" : this.#query.value;
    const criteria: Criteria = { ...filters, query, similarTo: this.#similarTo, mode: this.#mode };
    const lists = await search(this.#library, criteria).catch((error: unknown) => this.#refuse(error));
    if (!lists) return;
    this.#results.show({ lists, criteria, contains: filters.contains });
    byId("tries").hidden = lists[0]?.kind !== "browse" || this.#entries.length === 0;
    this.#map.mark(lists[0]?.kind === "browse" ? [] : unique(lists.flatMap(({ hits }) => hits.map(({ id }) => id))), this.#filters.topic);
    this.#summarise(lists);
  }

  /** A filter that the reader wrote may be refused; the reason then belongs beside it. */
  #refuse(error: unknown): null {
    const isOwn = error instanceof TidepoolError && error.code === "INVALID_ARGUMENT" && this.#filters.hasOwnFilter;
    if (!isOwn) throw error;
    this.#filters.showOwnError(error.message);
    return null;
  }

  #summarise(lists: readonly HitList[]): void {
    const found = lists.map(
      ({ kind, hits, ms }) => `${kind === "browse" ? plural(hits.length, "passage") : `${hits.length} by ${kind}`} in ${formatMs(ms)}`,
    );
    const what = this.#similarTo ? `Similar to “${this.#similarTo.title}”: ` : "";
    byId("similar-clear").hidden = this.#similarTo === null;
    byId("summary").textContent =
      `${what}${found.join(" · ")}${this.#entries.length ? ` · ${this.#entries.length.toLocaleString()} stored` : ""}`;
    // Said only once typing has paused: a screen reader would otherwise be interrupted at every letter.
    clearTimeout(this.#announceTimer);
    const spoken = lists.map(({ kind, hits }) =>
      kind === "browse" ? plural(hits.length, "passage") : `${plural(hits.length, "hit")} by ${kind}`,
    );
    this.#announceTimer = window.setTimeout(() => (byId("announcement").textContent = what + spoken.join(", ")), 600);
  }

  async #drawMap(): Promise<void> {
    this.#mapping.abort();
    const { signal } = (this.#mapping = new AbortController());
    const { entries, rows } = await this.#library.vectors(this.#entries);
    const points = await projectToPlane(rows, signal).catch(() => null);
    if (signal.aborted || !points) return;
    this.#map.show(entries, points);
    const isSample = entries.length < this.#entries.length;
    byId("map-note").textContent = isSample
      ? `A sample of ${entries.length.toLocaleString()}, by principal components`
      : "Two principal components of all of them";
  }

  /** Says whether everything was added. */
  async #add(sources: readonly Source[]): Promise<boolean> {
    this.#sources.setBusy(true);
    try {
      await addSources(this.#library, sources, () => this.#onStored());
      return true;
    } catch (error) {
      showError(error);
      return false;
    } finally {
      this.#sources.setBusy(false);
      this.refresh();
    }
  }

  #onStored(): void {
    this.search();
    void this.#storage.refresh().catch(showError);
  }

  async #addFiles(files: readonly File[]): Promise<void> {
    const sources: Source[] = [];
    for (const file of files) {
      await readFile(file).then((passages) => sources.push({ name: file.name, passages }), showError);
    }
    if (sources.length === 0) return;
    await this.#add(sources);
  }

  async #deletePassage({ id, title }: { id: string; title: string }): Promise<void> {
    const removed = await this.#library.deletePassage(id);
    this.refresh();
    if (!removed) return;
    showToast(`Deleted a passage of “${title}”.`, () => void this.#library.restore(removed).then(() => this.refresh(), showError));
  }

  async #deleteSource(source: string, count: number): Promise<void> {
    if (!(await confirmDeletion(`Delete ${source} and its ${plural(count, "passage")}?`, "Delete"))) return;
    await this.#library.deleteSource(source);
    showToast(`Deleted ${source}.`);
    this.refresh();
  }

  async #deleteEverything(): Promise<void> {
    if (!(await confirmDeletion(`Delete all ${plural(this.#entries.length, "passage")}? This cannot be undone.`, "Delete everything")))
      return;
    await this.#library.deleteEverything();
    clearErrors();
    showToast("Everything is deleted.");
    this.refresh();
  }

  #findSimilar({ id, title }: { id: string; title: string }): void {
    this.#similarTo = { id, title };
    this.#query.value = "";
    this.search();
    byId("results").scrollIntoView({ block: "nearest" });
  }

  #chooseTopic(topic: string): void {
    this.#filters.topic = topic;
    this.#sources.show(this.#entries, topic);
    this.search();
  }

  get #mode(): Mode {
    return new FormData(byId<HTMLFormElement>("search-form")).get("mode") as Mode;
  }

  #listen(): void {
    const form = byId<HTMLFormElement>("search-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#results.focusFirst();
    });
    form.addEventListener("input", () => {
      this.#similarTo = null;
      this.search();
    });
    byId("filter-form").addEventListener("input", () => this.#sources.show(this.#entries, this.#filters.topic));
    byId("similar-clear").addEventListener("click", () => this.#clearQuery());
    byId("tries").addEventListener("click", (event) => {
      if (!(event.target instanceof HTMLButtonElement)) return;
      this.#query.value = event.target.textContent ?? "";
      this.#query.focus();
      this.search();
    });
    this.#query.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && this.#results.focusFirst()) event.preventDefault();
    });
    addEventListener("keydown", (event) => this.#onKey(event));
  }

  #onKey(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#query.select();
    } else if (event.key === "Escape" && (!typing || event.target === this.#query) && !document.querySelector("dialog[open]")) {
      this.#clearQuery();
    }
  }

  #clearQuery(): void {
    this.#similarTo = null;
    this.#query.value = "";
    this.#query.focus();
    this.search();
  }
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

async function start(): Promise<void> {
  const waiting = setTimeout(() => showStatus("opening", "Waiting for the database…"), 1500);
  const library = await Library.open().finally(() => clearTimeout(waiting));
  byId("columns").hidden = false;
  const demo = new Demo(library);
  if (library.wasFilled) demo.refresh();
  else await demo.addBundled();
}

setUpTheme();
start().catch((error: unknown) => {
  showStatus("failed", "Not open");
  showError(error);
});
