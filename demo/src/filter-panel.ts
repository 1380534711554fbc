/**
 * The filters: a form that is folded away, and a chip for each filter that is on, which takes it off. Offers what the stored metadata
 * holds, and turns what is chosen into `where` and `whereDocument`.
 */
import type { Where, WhereDocument } from "tidepool-db";
import { compareNames } from "./compare-names.js";
import { button, byId, counted, element } from "./dom.js";
import type { Count, Overview } from "./library.js";
import { sourceName } from "./passage.js";
import { compareTopics } from "./topics.js";

export interface Filters {
  where: Where | undefined;
  whereDocument: WhereDocument | undefined;
  /** The literal text asked for, to be marked in the hits. */
  contains: string;
  k: number;
}

export class FilterPanel {
  readonly #form = byId<HTMLFormElement>("filter-form");
  readonly #fold = byId<HTMLDetailsElement>("filters");
  #offered: Overview | null = null;
  #filled: Overview | null = null;

  /** Calls `onChange` whenever the filters change. */
  constructor(onChange: () => void) {
    this.#form.addEventListener("input", onChange);
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    // A reset event is fired before the fields are emptied.
    this.#form.addEventListener("reset", () => setTimeout(onChange));
    this.#fold.addEventListener("toggle", () => this.#fillAll());
  }

  /** The filters as they stand; `null` while the reader's own filter is not JSON. */
  read(): Filters | null {
    const own = this.#readOwn();
    if (own === null) return null;
    const conditions = [...this.#conditions(), ...(own ? [own] : [])];
    const contains = this.#text("contains");
    this.#showChips();
    return {
      where: conditions.length > 1 ? { $and: conditions } : conditions[0],
      whereDocument: contains ? { $contains: contains } : undefined,
      contains,
      k: Number(this.#text("k")),
    };
  }

  get topic(): string {
    return this.#text("topic");
  }

  /** Sets one field as if the reader had. */
  choose(name: "topic" | "source", value: string): void {
    this.#fillAll();
    this.#field<HTMLSelectElement>(name).value = value;
    this.#form.dispatchEvent(new Event("input"));
  }

  get hasOwnFilter(): boolean {
    return this.#text("where") !== "";
  }

  showOwnError(message: string): void {
    byId("own-where-error").textContent = message;
  }

  /** Offers the values that occur, once somebody sees them. */
  offer(overview: Overview): void {
    this.#offered = overview;
    if (this.#fold.open) this.#fillAll();
  }

  /** A chosen value that has vanished stays chosen, so that a filter never changes by itself. */
  #fillAll(): void {
    if (this.#offered === null || this.#offered === this.#filled) return;
    this.#filled = this.#offered;
    const { topics, kinds, tags, sources } = this.#offered;
    this.#fill(
      "topic",
      [...topics].sort((a, b) => compareTopics(a.value, b.value)),
    );
    this.#fill("kind", kinds);
    this.#fill(
      "tag",
      [...tags].sort((a, b) => compareNames(a.value, b.value)),
    );
    this.#fill("source", sources, sourceName);
  }

  /** One for each filter that is on. */
  #showChips(): void {
    const chips = [...this.#form.querySelectorAll<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>("[data-chip]")]
      .filter((field) => (field.type === "checkbox" ? (field as HTMLInputElement).checked : field.value !== ""))
      .map((field) => this.#chip(field));
    byId("chips").replaceChildren(...chips);
    byId("filter-count").textContent = chips.length === 0 ? "" : String(chips.length);
  }

  #chip(field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement): HTMLElement {
    const name = field.dataset["chip"]!;
    const value = field instanceof HTMLSelectElement ? (field.selectedOptions[0]?.dataset["label"] ?? field.value) : field.value;
    const label = field.type === "checkbox" ? name : `${name} ${value}`;
    return button(label, { class: "chip on", "data-testid": "chip", "aria-label": `Take off the filter: ${label}` }, () => {
      if (field.type === "checkbox") (field as HTMLInputElement).checked = false;
      else field.value = "";
      this.#form.dispatchEvent(new Event("input"));
    });
  }

  #conditions(): Where[] {
    const conditions: Where[] = [];
    for (const key of ["topic", "kind", "source"]) {
      if (this.#text(key)) conditions.push({ [key]: this.#text(key) });
    }
    if (this.#text("tag")) conditions.push({ tags: { $contains: this.#text("tag") } });
    if (this.#text("wordsMin")) conditions.push({ words: { $gte: Number(this.#text("wordsMin")) } });
    if (this.#text("wordsMax")) conditions.push({ words: { $lte: Number(this.#text("wordsMax")) } });
    if (this.#field<HTMLInputElement>("hasCode").checked) conditions.push({ hasCode: true });
    return conditions;
  }

  /** The reader's own filter: `undefined` when there is none, `null` when it cannot be read. */
  #readOwn(): Where | undefined | null {
    this.showOwnError("");
    const text = this.#text("where").trim();
    if (text === "") return undefined;
    try {
      return JSON.parse(text) as Where;
    } catch {
      this.showOwnError("Not JSON yet. Keys need double quotes.");
      return null;
    }
  }

  #fill(name: string, counts: readonly Count[], label = (value: string): string => value): void {
    const select = this.#field<HTMLSelectElement>(name);
    const chosen = select.value;
    const any = select.options[0]!;
    const missing = chosen && !counts.some(({ value }) => value === chosen) ? [{ value: chosen, count: 0 }] : [];
    const options = [...counts, ...missing].map(({ value, count }) =>
      element("option", { value, "data-label": label(value) }, `${label(value)} (${counted(count)})`),
    );
    select.replaceChildren(any, ...options);
    select.value = chosen;
  }

  #field<T extends HTMLElement>(name: string): T {
    return this.#form.elements.namedItem(name) as unknown as T;
  }

  #text(name: string): string {
    return this.#field<HTMLInputElement>(name).value;
  }
}
