/** Says where the data are, how safely, and how much room they take, by the database and the browser. Loaded when it is opened. */
import { byId, counted, element, formatBytes, plural } from "./dom.js";
import type { Library } from "./library.js";

/** Compaction starts when the database has been idle for a moment; a second look shows its result. */
const secondLookMs = 4000;

const kernels = {
  "wasm-simd": "WebAssembly SIMD",
  "wasm-relaxed-simd": "WebAssembly relaxed SIMD",
  typescript: "TypeScript",
};

export class StoragePanel {
  readonly #library: Library;
  readonly #shown: Record<string, HTMLElement> = {};
  #timer = 0;

  constructor(library: Library) {
    this.#library = library;
    byId("persist").addEventListener("click", () => void this.#askToPersist());
  }

  /** Shows the state now, and once more after the database had time to tidy up. */
  async refresh(): Promise<void> {
    await this.#show();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#show().catch(() => undefined), secondLookMs);
  }

  async #show(): Promise<void> {
    const [info, usage] = await Promise.all([this.#library.client.info(), estimate()]);
    const facts: [name: string, value: string, testId: string][] = [
      ["Kept in", storageNames[info.storage], "info-storage"],
      ["Durability", info.durability === "strict" ? "strict: on disk before the answer" : "relaxed", "info-durability"],
      ["Records", counted(info.records), "info-records"],
      ["Log", `${plural(info.logRecords, "entry", "entries")}, ${formatBytes(info.logBytes)}`, "info-log"],
      ["Blocks", `${formatBytes(info.blockBytesUsed)} of ${formatBytes(info.blockBytesReserved)} reserved`, "info-blocks"],
      ["Memory", formatBytes(info.memoryBytes), "info-memory"],
      ["Kernel", kernels[info.kernel], "info-kernel"],
      ["Format", `version ${info.formatVersion}`, "info-format"],
      ...(usage ? [["Browser", usage, "info-quota"] as [string, string, string]] : []),
    ];
    for (const [name, value, testId] of facts) this.#showFact(name, value, testId);
    await showPersistence();
  }

  #showFact(name: string, value: string, testId: string): void {
    const shown = (this.#shown[testId] ??= element("dd", { "data-testid": testId }));
    if (shown.parentElement === null) byId("storage").append(element("div", {}, element("dt", {}, name), shown));
    if (shown.textContent !== value) shown.textContent = value;
  }

  async #askToPersist(): Promise<void> {
    const granted = await navigator.storage.persist();
    await showPersistence();
    if (!granted) byId("persistence").textContent += " It said no just now; installing the page or using it more often may change that.";
  }
}

const storageNames = {
  opfs: "private file system (OPFS)",
  indexeddb: "IndexedDB",
  directory: "directory",
  published: "where it was published",
  memory: "memory only: gone on reload",
} as const;

async function showPersistence(): Promise<void> {
  const note = byId("persistence");
  const ask = byId("persist");
  // Pages that were not delivered securely have no storage manager.
  const persisted = navigator.storage?.persisted ? await navigator.storage.persisted() : null;
  ask.hidden = persisted !== false;
  note.textContent =
    persisted === null
      ? "This browser does not tell whether it may clear these data."
      : persisted
        ? "The browser has promised not to clear these data by itself."
        : "Best effort: the browser may clear these data when the disk runs full.";
}

async function estimate(): Promise<string | null> {
  if (!navigator.storage?.estimate) return null;
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return `${formatBytes(usage)} of ${formatBytes(quota)} allowed`;
}
