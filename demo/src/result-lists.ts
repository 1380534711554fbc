/** Shows hits: what matched, how near, from where. Arrow keys walk through them; each can be deleted or asked for its neighbours. */
import { button, byId, element, plural } from "./dom.js";
import { excerptWindow, mergeRanges, type Range, rangesOfLiteral, rangesOfQuery, rangesOfTerms } from "./highlight.js";
import { bodyOf } from "./passage.js";
import type { Criteria, Hit, HitList } from "./search.js";
import { topicColour } from "./topics.js";

export interface ResultActions {
  findSimilar(hit: { id: string; title: string }): void;
  deletePassage(hit: { id: string; title: string }): void;
  leave(): void;
}

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

const excerptCharacters = 380;
const headings = { vector: "Vector", text: "Text", browse: "Passages" } as const;
const explanations = {
  vector: "Nearest by cosine distance between hashed vectors",
  text: "Ranked by words, prefixes and small slips allowed",
  browse: "In the order they were added",
} as const;

export class ResultLists {
  readonly #lists = byId("result-lists");
  readonly #actions: ResultActions;

  constructor(actions: ResultActions) {
    this.#actions = actions;
    this.#lists.addEventListener("keydown", (event) => this.#onKey(event));
  }

  show(shown: Shown): void {
    const focus = this.#focusPlace();
    const ranks = shown.lists.map((list) => new Map(list.hits.map(({ id }, index) => [id, index + 1])));
    this.#lists.classList.toggle("two", shown.lists.length > 1);
    this.#lists.replaceChildren(...shown.lists.map((list, index) => this.#renderList(list, shown, ranks[1 - index])));
    if (focus) this.#refocus(focus);
    showCalls(shown.lists);
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

  #renderList(list: HitList, shown: Shown, otherRanks: Map<string, number> | undefined): HTMLElement {
    const id = `list-${list.kind}`;
    const head = element(
      "div",
      { class: "list-head" },
      element("h2", { id }, headings[list.kind]),
      element(
        "span",
        { class: "ms", "data-testid": `ms-${list.kind}`, title: "Time of the call, measured in this page" },
        formatMs(list.ms),
      ),
      element("p", { class: "note" }, explanations[list.kind]),
    );
    const best = list.hits[0]?.score ?? 1;
    const hits = list.hits.map((hit, index) =>
      element("li", {}, this.#renderHit(hit, index + 1, best, shown, list.kind, otherRanks?.get(hit.id))),
    );
    const body = hits.length > 0 ? element("ol", { class: "hits" }, ...hits) : element("p", { class: "empty" }, emptyText(list, shown));
    return element("section", { class: "list", "aria-labelledby": id, "data-testid": `list-${list.kind}` }, head, body);
  }

  #renderHit(
    hit: Hit,
    rank: number,
    best: number,
    { criteria, contains }: Shown,
    kind: HitList["kind"],
    otherRank: number | undefined,
  ): HTMLElement {
    const name = { id: hit.id, title: hit.metadata.title };
    const mark = (text: string): Range[] =>
      mergeRanges([...matchRanges(text, hit, criteria.query, kind), ...rangesOfLiteral(text, contains)]);
    const heading = element("h3", {}, ...marked(name.title, mark(name.title)));
    const body = bodyOf(hit.document, name.title);
    const card = element(
      "article",
      { class: "hit", tabindex: -1, "data-id": hit.id, "data-testid": "hit", "aria-label": `${rank}. ${name.title}` },
      element("header", {}, element("span", { class: "rank" }, String(rank)), heading, renderMeasure(hit, best)),
      renderText(body, mark(body)),
      renderFacts(hit, otherRank, kind),
    );
    const actions = element("div", { class: "hit-actions" });
    actions.append(
      button("Similar", { class: "link", "data-testid": "similar", "aria-label": `Find passages similar to ${name.title}` }, () =>
        this.#actions.findSimilar(name),
      ),
      button("Delete", { class: "link danger", "data-testid": "delete", "aria-label": `Delete this passage of ${name.title}` }, () =>
        this.#actions.deletePassage(name),
      ),
    );
    card.querySelector(".hit-facts")!.append(actions);
    return card;
  }

  #onKey(event: KeyboardEvent): void {
    const hit = (event.target as HTMLElement).closest<HTMLElement>(".hit");
    if (!hit) return;
    const similar = hit.querySelector<HTMLButtonElement>('[data-testid="similar"]')!;
    const actions: Record<string, () => void> = {
      ArrowUp: () => this.#step(hit, -1) || this.#actions.leave(),
      ArrowDown: () => this.#step(hit, 1),
      ArrowLeft: () => this.#cross(hit),
      ArrowRight: () => this.#cross(hit),
      Home: () => this.focusFirst(),
      // On a button inside the hit, Enter is the button's own.
      ...(event.target === hit ? { Enter: () => similar.click() } : {}),
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

function matchRanges(text: string, hit: Hit, query: string, kind: HitList["kind"]): Range[] {
  if (kind === "text") return rangesOfTerms(text, hit.terms);
  return kind === "vector" ? rangesOfQuery(text, query) : [];
}

/** Distance or score, with a bar that is longer for nearer. */
function renderMeasure(hit: Hit, best: number): HTMLElement | null {
  const [label, value, share] =
    hit.distance !== null
      ? (["distance", hit.distance.toFixed(3), 1 - hit.distance] as const)
      : hit.score !== null
        ? (["score", hit.score.toFixed(2), hit.score / best] as const)
        : ([null, "", 0] as const);
  if (label === null) return null;
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(Math.max(0.02, Math.min(1, share))));
  return element("span", { class: "measure", "data-testid": label }, bar, element("span", { class: "measure-label" }, label), ` ${value}`);
}

/** The passage with its matches marked; a long one is cut around them and can be opened. */
function renderText(text: string, ranges: readonly Range[]): HTMLElement {
  const window = excerptWindow(text, ranges, excerptCharacters);
  const isWhole = window.start === 0 && window.end === text.length;
  const paragraph = element("p", { class: "hit-text" }, ...marked(text, ranges, window));
  if (isWhole) return paragraph;
  const more = button("Show all", { class: "link" }, () => {
    paragraph.replaceChildren(...marked(text, ranges));
  });
  paragraph.append(" ", more);
  return paragraph;
}

function marked(text: string, ranges: readonly Range[], window: Range = { start: 0, end: text.length }): (Node | string)[] {
  const parts: (Node | string)[] = window.start > 0 ? ["… "] : [];
  let at = window.start;
  for (const range of ranges) {
    if (range.end <= window.start || range.start >= window.end) continue;
    const [start, end] = [Math.max(range.start, window.start), Math.min(range.end, window.end)];
    parts.push(text.slice(at, start), element("mark", {}, text.slice(start, end)));
    at = end;
  }
  parts.push(text.slice(at, window.end));
  if (window.end < text.length) parts.push(" …");
  return parts;
}

function renderFacts({ metadata }: Hit, otherRank: number | undefined, kind: HitList["kind"]): HTMLElement {
  const facts = element("footer", { class: "hit-facts" });
  facts.append(
    element("span", { class: `topic topic-${topicColour(metadata.topic)}` }, metadata.topic),
    element("span", {}, metadata.source),
    element("span", {}, plural(metadata.words, "word")),
  );
  for (const tag of metadata.tags ?? []) facts.append(element("span", { class: "tag" }, tag));
  if (otherRank !== undefined)
    facts.append(element("span", { class: "tag other" }, `also ${kind === "vector" ? "text" : "vector"} no. ${otherRank}`));
  return facts;
}

function emptyText({ kind }: HitList, { criteria }: Shown): string {
  const filtered = criteria.where !== undefined || criteria.whereDocument !== undefined;
  if (filtered) return "No passage passes these filters.";
  return kind === "text"
    ? "No passage holds these words, or words close to them."
    : "There are no passages yet. Add files, or restore the bundled ones.";
}

function showCalls(lists: readonly HitList[]): void {
  byId("calls").hidden = lists.length === 0;
  byId("calls-code").textContent = lists.map(({ call, ms }) => `// ${formatMs(ms)}\n${call}`).join("\n\n");
}

export function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
