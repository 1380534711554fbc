/** One hit as a card: what matched, where from, why it is here, and what can be done with it. */
import { button, element, plural } from "./dom.js";
import { isFiller, mergeRanges, type Range, rangesOfLiteral, rangesOfQuery, rangesOfTerms } from "./highlight.js";
import { type FindRanges, markedText, showPassage } from "./marked-text.js";
import { bodyOf, sourceName } from "./passage.js";
import type { Criteria, Hit, HitList } from "./search.js";
import { topicColour } from "./topics.js";

export interface CardActions {
  findSimilar(hit: { id: string; title: string }): void;
  deletePassage(hit: { id: string; title: string }): void;
  showSource(source: string): void;
}

export interface CardContext {
  criteria: Criteria;
  /** The literal text that was filtered by. */
  contains: string;
  kind: HitList["kind"];
  actions: CardActions;
}

export function renderCard(hit: Hit, rank: number, context: CardContext): HTMLElement {
  const { title, topic } = hit.metadata;
  const find = finder(hit, context);
  const text = element("div", { class: "hit-text", "data-testid": "hit-text" });
  showPassage(text, bodyOf(hit.document, title), find);
  const more = button("Show more", { class: "link more", "data-testid": "more", hidden: true }, () => {
    const isOpen = text.classList.toggle("open");
    more.textContent = isOpen ? "Show less" : "Show more";
  });
  const card = element(
    "article",
    { class: `hit topic-${topicColour(topic)}`, tabindex: -1, "data-id": hit.id, "data-testid": "hit", "aria-label": `${rank}. ${title}` },
    element(
      "header",
      {},
      element("span", { class: "rank", "aria-hidden": "true" }, String(rank)),
      element("h3", {}, ...markedText(title, find(title))),
      renderMenu(hit, context.actions, text),
    ),
    text,
    more,
    renderFacts(hit, context),
  );
  return card;
}

/** Offers "Show more" where a passage is cut off. Looks when the browser has laid the cards out, which it does for those in view only. */
export class CardTrimmer {
  readonly #observer = new ResizeObserver((entries) => {
    const texts = entries.map(({ target }) => target).filter((text) => !text.classList.contains("open"));
    const isWhole = texts.map((text) => text.scrollHeight <= text.clientHeight + 2);
    texts.forEach((text, index) => text.parentElement!.querySelector(".more")!.toggleAttribute("hidden", isWhole[index]!));
  });

  watch(card: Element): void {
    this.#observer.observe(card.querySelector(".hit-text")!);
  }

  /** Looks after no card any more. */
  clear(): void {
    this.#observer.disconnect();
  }
}

function finder(hit: Hit, { criteria, contains }: CardContext): FindRanges {
  const terms = hit.text?.terms ?? [];
  return (text): Range[] => {
    const ofWords = terms.length > 0 ? rangesOfTerms(text, terms) : rangesOfQuery(text, criteria.query);
    return mergeRanges([...ofWords, ...rangesOfLiteral(text, contains)]);
  };
}

function renderFacts(hit: Hit, { kind, actions }: CardContext): HTMLElement {
  const { source, topic, words, tags = [], pending } = hit.metadata;
  const facts = element(
    "footer",
    { class: "hit-facts" },
    ...(kind === "browse" ? [] : [renderWhy(hit)]),
    element("span", { class: "topic" }, topic),
    button(sourceName(source), { class: "link source-link", title: "Only this source" }, () => actions.showSource(source)),
    element("span", { class: "wide" }, plural(words, "word")),
    ...tags.map((tag) => element("span", { class: "tag wide" }, tag)),
    ...(pending ? [element("span", { class: "tag", "data-testid": "unread" }, "words only so far")] : []),
  );
  return facts;
}

/** The badges "vector 1" and "text 3", which open to say more. */
function renderWhy(hit: Hit): HTMLElement {
  const badges = [
    ...(hit.dense ? [element("span", { class: "badge vector", "data-testid": "badge-vector" }, `vector ${hit.dense.rank}`)] : []),
    ...(hit.text ? [element("span", { class: "badge text", "data-testid": "badge-text" }, `text ${hit.text.rank}`)] : []),
  ];
  const why = element(
    "details",
    { class: "why", "data-testid": "why" },
    element("summary", { title: "Why this result" }, ...badges, element("span", { class: "why-label" }, "Why?")),
  );
  onFirstOpening(why, () => renderReasons(hit));
  return why;
}

function renderReasons({ dense, text, score }: Hit): HTMLElement {
  const rows: [string, string][] = [
    [
      "Meaning",
      dense ? `no. ${dense.rank} by its vector, at a cosine distance of ${dense.distance.toFixed(3)}` : "not among the nearest vectors",
    ],
    [
      "Words",
      text
        ? `no. ${text.rank} by its words: ${matched(text.terms)} (BM25 ${text.score.toFixed(2)})`
        : "none of the words that were asked for",
    ],
    ...(score === null ? [] : ([["Together", `a score of ${score.toFixed(3)} of 1`]] as [string, string][])),
  ];
  return element("dl", {}, ...rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/** Cards come with each letter that is typed: what somebody has to open is made when somebody does. */
function onFirstOpening(details: HTMLDetailsElement, render: () => HTMLElement): void {
  const summary = details.firstElementChild!;
  summary.addEventListener("click", () => summary.nextElementSibling ?? details.append(render()));
}

function matched(terms: readonly string[]): string {
  const telling = terms.filter((term) => !isFiller(term));
  return (telling.length > 0 ? telling : terms).map((term) => `“${term}”`).join(", ");
}

function renderMenu(hit: Hit, actions: CardActions, text: HTMLElement): HTMLElement {
  const name = { id: hit.id, title: hit.metadata.title };
  const menu = element(
    "details",
    { class: "menu", "data-testid": "menu" },
    element("summary", { "aria-label": `Actions for ${name.title}`, title: "Actions" }, element("span", { "aria-hidden": "true" }, "⋯")),
  );
  // Its card, which is not drawn beyond its edges, makes room for it.
  menu.addEventListener("toggle", () => menu.closest("li")?.classList.toggle("menu-open", menu.open));
  const item = (label: string, testId: string, act: () => void, more = ""): HTMLElement =>
    button(label, { class: `menu-item ${more}`, "data-testid": testId }, () => {
      menu.open = false;
      act();
    });
  const copy = (): void => void navigator.clipboard?.writeText(hit.document).catch(() => getSelection()?.selectAllChildren(text));
  const items = (): HTMLElement =>
    element(
      "div",
      { class: "menu-list" },
      item("Find similar", "similar", () => actions.findSimilar(name)),
      item("Only this source", "only-source", () => actions.showSource(hit.metadata.source)),
      item("Copy the text", "copy", copy),
      item("Delete", "delete", () => actions.deletePassage(name), "danger"),
    );
  onFirstOpening(menu, items);
  return menu;
}
