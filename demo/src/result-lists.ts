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
   * What is shown already stays as it is, with whatever was opened in it. Otherwise one card after the other takes the place of the one
   * before, so that the page is never held for long. Whoever calls waits before showing something else.
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
    this.#trimmer.clear();
    this.#lists.ariaBusy = "true";
    this.#renderSections(shown);
    const slice = new Slice();
    for (const list of shown.lists) await this.#fill(list, shown, slice);
    this.#lists.ariaBusy = "false";
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

  /** The sections of the lists; those that are there stay, with their cards. */
  #renderSections(shown: Shown): void {
    const sections = shown.lists.map((list) => {
      const there = this.#lists.querySelector<HTMLElement>(`[data-testid="list-${list.kind}"]`);
      return list.hits.length > 0 && there?.querySelector(".hits") ? there : renderSection(list, shown);
    });
    const isOther = sections.length !== this.#lists.childElementCount || sections.some((section) => section.parentElement === null);
    if (!isOther) return;
    this.#lists.classList.toggle("two", sections.length > 1);
    this.#lists.replaceChildren(...sections);
  }

  /** Puts a list's cards into their places. */
  async #fill({ kind, hits }: HitList, { criteria, contains }: Shown, slice: Slice): Promise<void> {
    const places = this.#lists.querySelector<HTMLElement>(`[data-testid="list-${kind}"] .hits`);
    if (!places) return;
    for (const surplus of [...places.children].slice(hits.length)) surplus.remove();
    for (const [index, hit] of hits.entries()) {
      await slice.next();
      const card = renderCard(hit, index + 1, { criteria, contains, kind, actions: this.#actions });
      const place = element("li", {}, card);
      const old = places.children[index];
      if (old) old.replaceWith(place);
      else places.append(place);
      this.#trimmer.watch(card);
    }
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

/** A list without its cards. */
function renderSection(list: HitList, shown: Shown): HTMLElement {
  const id = `list-${list.kind}`;
  const head = element(
    "div",
    { class: "list-head" },
    element("h2", { id }, headings[list.kind]),
    element("p", { class: "note" }, explanations[list.kind]),
  );
  const isEmpty = list.hits.length === 0;
  const body = isEmpty ? element("p", { class: "empty" }, emptyText(list, shown)) : element("ol", { class: "hits" });
  return element("section", { class: "list", "aria-labelledby": id, "data-testid": id }, head, body);
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
