/** The filter form: offers what the stored metadata holds, and turns what is chosen into `where` and `whereDocument`. */
import type { Where, WhereDocument } from "tidepool-db";
import { byId, element } from "./dom.js";
import type { Entry } from "./library.js";
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

  /** Calls `onChange` whenever the filters change. */
  constructor(onChange: () => void) {
    this.#form.addEventListener("input", onChange);
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    // A reset event is fired before the fields are emptied.
    this.#form.addEventListener("reset", () => setTimeout(onChange));
    byId<HTMLDetailsElement>("filters").open = matchMedia("(min-width: 60rem)").matches;
  }

  /** The filters as they stand; `null` while the reader's own filter is not JSON. */
  read(): Filters | null {
    const own = this.#readOwn();
    if (own === null) return null;
    const conditions = [...this.#conditions(), ...(own ? [own] : [])];
    const contains = this.#text("contains");
    byId("filter-count").textContent = describeCount(conditions.length + (contains ? 1 : 0));
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

  set topic(topic: string) {
    this.#field<HTMLSelectElement>("topic").value = topic;
  }

  get hasOwnFilter(): boolean {
    return this.#text("where") !== "";
  }

  showOwnError(message: string): void {
    byId("own-where-error").textContent = message;
  }

  /** Offers the values that occur. A chosen value that has vanished stays chosen, so that a filter never changes by itself. */
  offer(entries: readonly Entry[]): void {
    this.#fill(
      "topic",
      tally(entries.map(({ topic }) => topic)).sort(([a], [b]) => compareTopics(a, b)),
    );
    this.#fill("kind", tally(entries.map(({ kind }) => kind)));
    this.#fill(
      "tag",
      tally(entries.flatMap(({ tags }) => tags)).sort(([a], [b]) => a.localeCompare(b)),
    );
    this.#fill("source", tally(entries.map(({ source }) => source)));
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

  #fill(name: string, values: readonly [value: string, count: number][]): void {
    const select = this.#field<HTMLSelectElement>(name);
    const chosen = select.value;
    const any = select.options[0]!;
    const missing: [string, number][] = chosen && !values.some(([value]) => value === chosen) ? [[chosen, 0]] : [];
    const options = [...values, ...missing].map(([value, count]) => element("option", { value }, `${value} (${count.toLocaleString()})`));
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

function describeCount(count: number): string {
  return count === 0 ? "" : `(${count} active)`;
}

function tally(values: readonly string[]): [value: string, count: number][] {
  const counts = new Map<string, number>();
  for (const value of values) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts];
}
