/** The map with what it shows: which vectors, and which of them were found. Loaded when the map comes into view. */
import { byId, counted, plural } from "./dom.js";
import type { Entry, Library, Overview } from "./library.js";
import type { HitList } from "./search.js";
import { VectorMap } from "./vector-map.js";

/** What was found, the passage whose neighbours were asked for, and the topic that was chosen. */
export interface Found {
  lists: readonly HitList[];
  similarTo?: string | undefined;
  topic: string;
}

export class MapPanel {
  readonly #library: Library;
  readonly #map: VectorMap;
  readonly #onDrawn: () => void;
  #drawing = new AbortController();
  /** What the map shows: it is drawn anew when that has changed. */
  #shown = "";

  /** `onDrawn` is called when it shows other vectors, so that what was found is marked among them. */
  constructor(library: Library, onPick: (passage: { id: string; title: string }) => void, onDrawn: () => void) {
    this.#library = library;
    this.#map = new VectorMap(onPick);
    this.#onDrawn = onDrawn;
    addEventListener("themechange", () => this.#map.recolour());
  }

  /** Draws all anew, even where as many are stored as before. */
  forget(): void {
    this.#shown = "";
  }

  async draw({ total, pending }: Overview): Promise<void> {
    const understood = total - pending;
    // While passages are read, every so many are worth another map.
    const state = `${total} ${Math.ceil(pending / Math.max(16, total / 8))}`;
    if (state === this.#shown) return;
    this.#shown = state;
    this.#drawing.abort();
    const { signal } = (this.#drawing = new AbortController());
    const entries: Entry[] = [];
    this.#map.begin();
    for await (const page of this.#library.vectors(understood, signal)) {
      this.#map.gather(page);
      entries.push(...page.entries);
    }
    if (signal.aborted) return;
    byId("map-empty").hidden = entries.length > 2;
    if (!(await this.#map.show(entries))) return;
    byId("map-note").textContent =
      entries.length < understood ? `A sample of ${counted(entries.length)}` : `All ${plural(entries.length, "vector")}`;
    this.#onDrawn();
  }

  /** Marks what was found, those that the sample lacks, too. */
  async mark({ lists, similarTo, topic }: Found): Promise<void> {
    const isAsked = lists.some(({ kind }) => kind !== "browse");
    const ids = isAsked ? [...new Set(lists.flatMap(({ hits }) => hits.map(({ id }) => id)))] : [];
    const query = lists.find(({ embedding }) => embedding !== null)?.embedding ?? null;
    const missing = this.#map.missing(similarTo ? [...ids, similarTo] : ids);
    if (missing.length > 0) this.#map.include(await this.#library.vectorsOf(missing));
    this.#map.mark({ ids, query, topic });
  }
}
