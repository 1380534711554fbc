/** The list of sources, and everything by which passages come and go: file picker, drag and drop, deletion. */
import { compareNames } from "./compare-names.js";
import { button, byId, counted, element, plural } from "./dom.js";
import type { Overview } from "./library.js";
import { sourceName } from "./passage.js";
import { compareTopics, topicColour } from "./topics.js";

export interface SourceActions {
  addFiles(files: File[]): void;
  deleteSource(source: string): void;
  deleteEverything(): void;
  restoreBundled(): void;
  showSource(source: string): void;
  chooseTopic(topic: string): void;
}

export class SourcePanel {
  readonly #actions: SourceActions;
  #shown = "";

  constructor(actions: SourceActions) {
    this.#actions = actions;
    for (const id of ["files", "hero-files"]) this.#watchPicker(byId<HTMLInputElement>(id));
    byId("restore").addEventListener("click", () => actions.restoreBundled());
    byId("delete-all").addEventListener("click", () => actions.deleteEverything());
    this.#acceptDrops();
  }

  /** Those of the reader come first. */
  show({ total, sources, topics }: Overview, chosenTopic: string): void {
    const shown = JSON.stringify([total, sources, topics, chosenTopic]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const ordered = [...sources].sort(
      (a, b) => Number(isBundled(a.value)) - Number(isBundled(b.value)) || compareNames(sourceName(a.value), sourceName(b.value)),
    );
    byId("source-count").textContent = `${plural(total, "passage")} of ${plural(sources.length, "source")}`;
    byId("sources").replaceChildren(...ordered.map(({ value, count }) => this.#renderSource(value, count, ordered)));
    byId<HTMLButtonElement>("delete-all").disabled = total === 0;
    this.#showLegend(
      topics.map(({ value }) => value),
      chosenTopic,
    );
  }

  #watchPicker(picker: HTMLInputElement): void {
    picker.addEventListener("change", () => {
      this.#actions.addFiles([...(picker.files ?? [])]);
      // Choosing the same file again must count as a change.
      picker.value = "";
    });
  }

  #renderSource(source: string, count: number, all: readonly { value: string }[]): HTMLElement {
    const name = sourceName(source);
    const twins = all.filter(({ value }) => sourceName(value) === name);
    const note = isBundled(source) ? "bundled" : twins.length > 1 ? `version ${source.split("/")[1]!.slice(0, 4)}` : "";
    return element(
      "li",
      { "data-testid": "source", "data-source": name },
      button(name, { class: "link source-name", title: "Search only here" }, () => this.#actions.showSource(source)),
      element("span", { class: "note" }, note),
      element("span", { class: "note count" }, counted(count)),
      button("Delete", { class: "link danger", "data-testid": "delete-source", "aria-label": `Delete ${name}` }, () =>
        this.#actions.deleteSource(source),
      ),
    );
  }

  #showLegend(topics: readonly string[], chosen: string): void {
    byId("legend").replaceChildren(
      ...[...topics].sort(compareTopics).map((topic) => {
        const attributes = { class: `topic topic-${topicColour(topic)}`, "aria-pressed": topic === chosen ? "true" : "false" };
        return element(
          "li",
          {},
          button(topic, attributes, () => this.#actions.chooseTopic(topic === chosen ? "" : topic)),
        );
      }),
    );
  }

  #acceptDrops(): void {
    const veil = byId("drop-veil");
    // Every element that is entered or left reports; the veil goes when all that was entered has been left.
    let depth = 0;
    const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    addEventListener("dragenter", (event) => {
      if (carriesFiles(event)) veil.hidden = ++depth === 0;
    });
    addEventListener("dragleave", (event) => {
      if (carriesFiles(event)) veil.hidden = --depth <= 0;
    });
    addEventListener("dragover", (event) => {
      if (carriesFiles(event)) event.preventDefault();
    });
    addEventListener("drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      veil.hidden = true;
      this.#actions.addFiles([...event.dataTransfer!.files]);
    });
  }
}

function isBundled(source: string): boolean {
  return source.startsWith("bundled/");
}
