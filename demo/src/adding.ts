/** Adds sources one after the other, with a progress bar and a way to stop. */
import { byId, plural } from "./dom.js";
import type { Library } from "./library.js";
import type { Passage } from "./passage.js";

export interface Source {
  name: string;
  passages: Passage[];
}

/**
 * Resolves with the number of passages added; rejects with the database's error. What was acknowledged before a stop or
 * an error stays.
 */
export async function addSources(library: Library, sources: readonly Source[], onStored: () => void): Promise<number> {
  const total = sources.reduce((sum, { passages }) => sum + passages.length, 0);
  const abort = new AbortController();
  const stop = byId("progress-stop");
  const onStop = (): void => abort.abort();
  stop.addEventListener("click", onStop);
  let before = 0;
  try {
    for (const { name, passages } of sources) {
      const onProgress = ({ done }: { done: number }): void => showProgress(`Adding ${name}`, before + done, total);
      showProgress(`Adding ${name}`, before, total);
      await library.addSource(name, passages, { signal: abort.signal, onProgress });
      before += passages.length;
      showProgress(`Adding ${name}`, before, total);
      onStored();
    }
    return total;
  } finally {
    stop.removeEventListener("click", onStop);
    byId("progress").hidden = true;
  }
}

function showProgress(text: string, done: number, total: number): void {
  byId("progress").hidden = false;
  byId("progress-text").textContent = `${text}: ${done.toLocaleString()} of ${plural(total, "passage")}`;
  const bar = byId<HTMLProgressElement>("progress-bar");
  bar.max = total;
  bar.value = done;
}
