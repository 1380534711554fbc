/** Shows hits in one list or in two, with the time that each step took. Arrow keys walk through them. */
import { byId, element, formatMs } from "./dom.js";
import { type CardActions, CardTrimmer, renderCard } from "./hit-card.js";
import type { Criteria, HitList } from "./search.js";
import { Slice } from "./slice.js";

export interface Shown {
  lists: readonly HitList[];
  criteria: Criteria;
  contains: string;
}

interface FocusPlace {
  id: string;
  list: string;
  index: number;
}

/** Of each list: as many as most screens show. */
const cardsAtFirst = 4;

const headings = { hybrid: "Results", vector: "By meaning", text: "By words", browse: "Passages" } as const;
const explanations = {
  hybrid: "",
  vector: "Nearest by the cosine distance of their vectors",
  text: "Ranked by BM25; prefixes and small slips allowed",
  browse: "In the order in which they were added",
} as const;

export class ResultLists {
  readonly #lists = byId("result-lists");
  readonly #actions: CardActions;
  readonly #leave: () => void;
  readonly #trimmer = new CardTrimmer();
  #state = "";

  /** `leave` is called when the arrow keys walk off the top of the lists. */
  constructor(actions: CardActions, leave: () => void) {
    this.#actions = actions;
    this.#leave = leave;
    this.#lists.addEventListener("keydown", (event) => this.#onKey(event));
    document.addEventListener("click", (event) => this.#closeMenus(event.target as Element));
  }

  /**
   * What is shown already stays as it is, with whatever was opened in it. Otherwise the first cards take the place of what was there, all at
   * once, and the others follow one after the other, so that the page is never held for long. Whoever calls waits before showing something
   * else.
   */
  async show(shown: Shown): Promise<void> {
    const asked = JSON.stringify([shown.criteria, shown.contains]);
    const state = asked + JSON.stringify(shown.lists.map(({ kind, hits }) => [kind, hits]));
    // Nor does a menu go from under a hand.
    const isInUse = this.#state.startsWith(asked) && this.#lists.querySelector(".menu[open]") !== null;
    showCalls(shown.lists);
    if (state === this.#state || isInUse) return;
    this.#state = state;
    const focus = this.#focusPlace();
    const slice = new Slice();
    const coming = shown.lists.map((list) => this.#renderList(list, shown, slice));
    this.#trimmer.clear();
    for (const { fill } of coming) await fill(cardsAtFirst);
    this.#lists.classList.toggle("two", shown.lists.length > 1);
    this.#lists.replaceChildren(...coming.map(({ section }) => section));
    for (const { fill } of coming) await fill(Infinity);
    if (focus) this.#refocus(focus);
  }

  /** Puts the focus on the first hit; false when there is none. */
  focusFirst(): boolean {
    const hit = this.#lists.querySelector<HTMLElement>(".hit");
    hit?.focus();
    return hit !== null;
  }

  /** Where the focus is, when it is on a hit: rendering anew would lose it. */
  #focusPlace(): FocusPlace | null {
    const hit = document.activeElement?.closest<HTMLElement>(".hit");
    const list = hit?.closest<HTMLElement>(".list");
    return hit && list && this.#lists.contains(list)
      ? { id: hit.dataset["id"]!, list: list.dataset["testid"]!, index: hitsOf(list).indexOf(hit) }
      : null;
  }

  /** To the same hit in the same list, or to the one that took its place. */
  #refocus({ id, list, index }: FocusPlace): void {
    const found = this.#lists.querySelector<HTMLElement>(`[data-testid="${list}"]`);
    const hits = found ? hitsOf(found) : [];
    (hits.find((hit) => hit.dataset["id"] === id) ?? hits[Math.min(index, hits.length - 1)])?.focus();
  }

  /** A list without its cards, and what puts in the next of them, so many at most. */
  #renderList(list: HitList, shown: Shown, slice: Slice): { section: HTMLElement; fill(count: number): Promise<void> } {
    const id = `list-${list.kind}`;
    const head = element(
      "div",
      { class: "list-head" },
      element("h2", { id }, headings[list.kind]),
      element("p", { class: "note" }, explanations[list.kind]),
    );
    const context = { criteria: shown.criteria, contains: shown.contains, kind: list.kind, actions: this.#actions };
    const isEmpty = list.hits.length === 0;
    const body = isEmpty ? element("p", { class: "empty" }, emptyText(list, shown)) : element("ol", { class: "hits" });
    const section = element("section", { class: "list", "aria-labelledby": id, "data-testid": `list-${list.kind}` }, head, body);
    const left = [...list.hits.entries()];
    const fill = async (count: number): Promise<void> => {
      for (const [index, hit] of left.splice(0, count)) {
        await slice.next();
        const card = renderCard(hit, index + 1, context);
        body.append(element("li", {}, card));
        this.#trimmer.watch(card);
      }
    };
    return { section, fill };
  }

  #closeMenus(target: Element): void {
    for (const menu of this.#lists.querySelectorAll<HTMLDetailsElement>(".menu[open]")) if (!menu.contains(target)) menu.open = false;
  }

  #onKey(event: KeyboardEvent): void {
    const hit = (event.target as HTMLElement).closest<HTMLElement>(".hit");
    if (!hit) return;
    const actions: Record<string, () => void> = {
      ArrowUp: () => this.#step(hit, -1) || this.#leave(),
      ArrowDown: () => this.#step(hit, 1),
      ArrowLeft: () => this.#cross(hit),
      ArrowRight: () => this.#cross(hit),
      Home: () => this.focusFirst(),
      // On a button inside the hit, Enter is the button's own.
      ...(event.target === hit ? { Enter: () => this.#actions.findSimilar({ id: hit.dataset["id"]!, title: titleOf(hit) }) } : {}),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #step(hit: HTMLElement, by: 1 | -1): boolean {
    const hits = hitsOf(hit.closest(".list")!);
    const next = hits[hits.indexOf(hit) + by];
    next?.focus();
    return next !== undefined;
  }

  /** To the hit at the same height in the other list. */
  #cross(hit: HTMLElement): void {
    const list = hit.closest<HTMLElement>(".list")!;
    const other = [...this.#lists.querySelectorAll<HTMLElement>(".list")].find((candidate) => candidate !== list);
    const hits = other ? hitsOf(other) : [];
    hits[Math.min(hitsOf(list).indexOf(hit), hits.length - 1)]?.focus();
  }
}

function hitsOf(list: Element): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>(".hit")];
}

function titleOf(hit: Element): string {
  return hit.querySelector("h3")!.textContent;
}

function emptyText({ kind }: HitList, { criteria }: Shown): string {
  const filtered = criteria.where !== undefined || criteria.whereDocument !== undefined;
  if (filtered) return "No passage passes these filters.";
  if (kind === "text") return "No passage holds these words, or words close to them.";
  return kind === "browse" ? "There is nothing here yet. Add files, or bring back the bundled notes." : "Nothing here is about that.";
}

function showCalls(lists: readonly HitList[]): void {
  byId("calls").hidden = lists.length === 0;
  byId("calls-code").textContent = lists.map(({ call, ms }) => `${call} // ${formatMs(ms)}`).join("\n\n");
}
