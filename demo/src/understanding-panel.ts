/** "It understands": how far the model is loaded, in bytes, how many passages it has read, and a way to have it wait. */
import { button, byId, counted, formatBytes, plural } from "./dom.js";
import type { Overview } from "./library.js";
import type { Understanding } from "./understanding.js";

export class UnderstandingPanel {
  readonly #understanding: Understanding;
  #overview: Overview | null = null;

  constructor(understanding: Understanding) {
    this.#understanding = understanding;
  }

  get #total(): number {
    return this.#overview?.total ?? 0;
  }

  show(overview: Overview | null = this.#overview): void {
    this.#overview = overview;
    const { phase, isPaused, isReading } = this.#understanding.state;
    const pending = overview?.pending ?? 0;
    byId("model-text").textContent = this.#text(pending);
    this.#showBar(pending);
    const pill = byId("model-pill");
    pill.dataset["state"] = phase === "failed" ? "failed" : phase === "ready" && pending === 0 && this.#total > 0 ? "durable" : "opening";
    pill.textContent = this.#shortText(pending);
    const canPause = phase === "ready" && pending > 0 && (isReading || isPaused);
    const label = isPaused ? "Go on" : "Pause";
    const old = byId("model-actions").firstElementChild;
    if (canPause && old?.textContent === label) return;
    byId("model-actions").replaceChildren(
      ...(canPause ? [button(label, { class: "quiet", "data-testid": "model-pause" }, () => this.#understanding.pause(!isPaused))] : []),
    );
  }

  #showBar(pending: number): void {
    const { phase, loadedBytes, totalBytes } = this.#understanding.state;
    const bar = byId<HTMLProgressElement>("model-bar");
    const total = this.#total;
    bar.hidden = phase !== "loading" && pending === 0;
    bar.max = phase === "loading" ? Math.max(1, totalBytes) : Math.max(1, total);
    bar.value = phase === "loading" ? loadedBytes : total - pending;
  }

  #text(pending: number): string {
    const { phase, loadedBytes, totalBytes, read, readMs, isPaused } = this.#understanding.state;
    const total = this.#total;
    if (phase === "failed") return "The model could not be loaded. Search by words goes on.";
    if (phase === "idle") return "The model is loaded as soon as the page has settled.";
    if (phase === "loading") return `Loading the model: ${formatBytes(loadedBytes)} of ${totalBytes ? formatBytes(totalBytes) : "7.5 MB"}`;
    if (pending > 0)
      return (
        `${isPaused ? "Paused" : "Reading"}: ${counted(total - pending)} of ${plural(total, "passage")} understood. ` +
        "Words find all of them already."
      );
    const seconds = (readMs / 1000).toFixed(1);
    const took = read === 0 ? "" : `, ${read < total ? `${counted(read)} of them ` : ""}read in ${seconds} s on this machine`;
    return `All ${plural(total, "passage")} understood${took}.`;
  }

  #shortText(pending: number): string {
    const { phase, loadedBytes, totalBytes } = this.#understanding.state;
    if (phase === "failed") return "Words only";
    if (phase === "idle") return "Model waits";
    if (phase === "loading") return `Model ${formatBytes(loadedBytes)} of ${totalBytes ? formatBytes(totalBytes) : "7.5 MB"}`;
    if (this.#total === 0) return "Model ready";
    return pending > 0 ? `Reading, ${counted(pending)} left` : "Understands";
  }
}
