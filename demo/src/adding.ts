/** Adds sources one after the other, with a progress bar and a way to stop. */
import { byId, plural } from "./dom.js";
import type { Library } from "./library.js";
import type { Passage } from "./passage.js";

export interface Source {
  name: string;
  passages: Passage[];
}

/** How long the finished bar stays, so that even a quick addition is seen. */
const shownAfterwardsMs = 2500;
let hideTimer = 0;

/**
 * Adds these sources and calls `onStored` after each. Rejects with the database's error; what was acknowledged before an
 * error or a stop stays.
 */
export async function addSources(library: Library, sources: readonly Source[], onStored: () => void): Promise<void> {
  const total = sources.reduce((sum, { passages }) => sum + passages.length, 0);
  const abort = new AbortController();
  const stop = byId<HTMLButtonElement>("progress-stop");
  stop.onclick = () => abort.abort();
  stop.hidden = false;
  const started = performance.now();
  let stored = 0;
  try {
    for (const { name, passages } of sources) {
      const onProgress = ({ done }: { done: number }): void => showProgress(`Adding ${name}`, stored + done, total);
      showProgress(`Adding ${name}`, stored, total);
      await library.addSource(name, passages, { signal: abort.signal, onProgress });
      stored += passages.length;
      onStored();
    }
    showProgress(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s`, total, total);
    hideTimer = window.setTimeout(hideProgress, shownAfterwardsMs);
  } catch (error) {
    hideProgress();
    throw error;
  } finally {
    stop.hidden = true;
  }
}

function showProgress(text: string, done: number, total: number): void {
  clearTimeout(hideTimer);
  byId("progress").hidden = false;
  byId("progress-text").textContent = `${text}: ${done.toLocaleString()} of ${plural(total, "passage")}`;
  const bar = byId<HTMLProgressElement>("progress-bar");
  bar.max = total;
  bar.value = done;
}

function hideProgress(): void {
  byId("progress").hidden = true;
}
