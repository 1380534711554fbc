/** Says what became of the files of a drop. */
import type { Summary } from "./adding.js";
import { element, plural } from "./dom.js";
import { showNotice, showToast } from "./notices.js";

const shownMax = 5;

/** One notice for all files of a drop, if there is anything that a toast cannot say. */
export function showSummary({ added, refused, notes, wasStopped }: Summary): void {
  const passages = added.reduce((sum, source) => sum + source.passages, 0);
  const count = `${plural(passages, "passage")} of ${plural(added.length, "file")}`;
  const what = wasStopped ? `Stopped. ${count} kept.` : `${count} added.`;
  if (refused.length + notes.length === 0) {
    showToast(what);
    return;
  }
  const said = [...refused.map(({ name, reason }) => (reason.includes(name) ? reason : `${name}: ${reason}`)), ...notes];
  const lines = said.slice(0, shownMax).map((text) => element("li", {}, text));
  const more = said.length > shownMax ? [element("li", {}, `and ${said.length - shownMax} more`)] : [];
  const title = refused.length > 0 ? `${plural(refused.length, "file")} could not be added` : "Added, with a remark";
  const rest = added.length > 0 ? [element("p", {}, what)] : [];
  showNotice(element("div", {}, element("strong", {}, title), element("ul", {}, ...lines, ...more), ...rest), "");
}
