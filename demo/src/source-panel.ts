/** The list of sources, and everything by which passages come and go: file picker, drag and drop, deletion. */
import { button, byId, element, plural } from "./dom.js";
import type { Entry } from "./library.js";
import { compareTopics, topicColour } from "./topics.js";

export interface SourceActions {
  addFiles(files: File[]): void;
  deleteSource(source: string, count: number): void;
  deleteEverything(): void;
  restoreBundled(): void;
  chooseTopic(topic: string): void;
}

export class SourcePanel {
  readonly #actions: SourceActions;

  constructor(actions: SourceActions) {
    this.#actions = actions;
    const picker = byId<HTMLInputElement>("files");
    picker.addEventListener("change", () => {
      actions.addFiles([...(picker.files ?? [])]);
      // Choosing the same file again must count as a change.
      picker.value = "";
    });
    byId("restore").addEventListener("click", () => actions.restoreBundled());
    byId("delete-all").addEventListener("click", () => actions.deleteEverything());
    this.#acceptDrops();
  }

  show(entries: readonly Entry[], chosenTopic: string): void {
    const sources = groupBySource(entries);
    const ordered = [...sources].sort(([, [a]], [, [b]]) => compareTopics(a!.topic, b!.topic));
    byId("source-count").textContent = `${plural(entries.length, "passage")} of ${plural(sources.size, "source")}`;
    byId("sources").replaceChildren(...ordered.map(([source, passages]) => this.#renderSource(source, passages)));
    byId<HTMLButtonElement>("delete-all").disabled = entries.length === 0;
    this.#showLegend(entries, chosenTopic);
  }

  /** While passages are being added, nothing may be deleted from under them. */
  setBusy(busy: boolean): void {
    const section = byId("drop");
    section.setAttribute("aria-busy", String(busy));
    for (const control of section.querySelectorAll<HTMLButtonElement | HTMLInputElement>("button, input")) control.disabled = busy;
  }

  #renderSource(source: string, passages: readonly Entry[]): HTMLElement {
    return element(
      "li",
      { "data-testid": "source", "data-source": source },
      element("span", { class: `topic topic-${topicColour(passages[0]!.topic)} source-name` }, source),
      element("span", { class: "note" }, String(passages.length)),
      button("Delete", { class: "link danger", "data-testid": "delete-source", "aria-label": `Delete ${source}` }, () =>
        this.#actions.deleteSource(source, passages.length),
      ),
    );
  }

  #showLegend(entries: readonly Entry[], chosen: string): void {
    const topics = [...new Set(entries.map(({ topic }) => topic))].sort(compareTopics);
    byId("legend").replaceChildren(
      ...topics.map((topic) => {
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
      if (!byId<HTMLInputElement>("files").disabled) this.#actions.addFiles([...event.dataTransfer!.files]);
    });
  }
}

function groupBySource(entries: readonly Entry[]): Map<string, Entry[]> {
  const sources = new Map<string, Entry[]>();
  for (const entry of entries) {
    const passages = sources.get(entry.source);
    if (passages) passages.push(entry);
    else sources.set(entry.source, [entry]);
  }
  return sources;
}
