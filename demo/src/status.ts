/** The short word at the top of the page: where the data are. */
import type { EngineInfo } from "tidepool-db";
import { byId, element, plural } from "./dom.js";

const shortNames = { opfs: "OPFS", indexeddb: "IndexedDB", directory: "Directory", memory: "Memory", published: "Published" } as const;

/** `detail` is left out where there is little room. */
export function showStatus(state: "opening" | "durable" | "memory" | "failed", text: string, detail = ""): void {
  const status = byId("status");
  status.dataset["state"] = state;
  status.replaceChildren(element("span", {}, text), element("span", {}, detail));
}

export function showStored({ storage, records }: EngineInfo): void {
  showStatus(storage === "memory" ? "memory" : "durable", shortNames[storage], ` · ${plural(records, "record")}`);
}
