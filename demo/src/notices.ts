/** Tells the reader what went wrong, in words, with the way out beside it, and always in sight. Also toasts and questions. */
import { TidepoolError } from "tidepool-db";
import { button, byId, element } from "./dom.js";
import { PartMissing } from "./fetch-part.js";

interface Advice {
  title: string;
  advice: string;
  action?: { label: string; run: () => void };
}

const reload = { label: "Reload the page", run: () => location.reload() };

function adviceFor(error: unknown): Advice {
  if (error instanceof PartMissing)
    return { title: error.message, advice: "There is no network, or a newer page has taken this one's place.", action: reload };
  if (!(error instanceof TidepoolError)) return { title: "Something went wrong in this page", advice: describe(error), action: reload };
  switch (error.code) {
    case "QUOTA_EXCEEDED":
      return {
        title: "The browser has no more room for this page",
        advice: "Delete some sources or free space on the disk, then try again. What was stored before is safe.",
      };
    case "NOT_SUPPORTED":
      return { title: "This browser cannot do that", advice: `${error.message} A private window or an old browser may be the reason.` };
    case "CORRUPTION":
      return { title: "Stored data is damaged", advice: `${error.message} Nothing was deleted.` };
    case "DATA_EVICTED":
      return { title: "The browser has dropped stored data", advice: error.message };
    case "FORMAT_TOO_NEW":
      return { title: "A newer release wrote this database", advice: `${error.message} Nothing was touched.`, action: reload };
    case "CONNECTION_LOST":
    case "POISONED":
    case "CLOSED":
      return { title: "The database stopped", advice: `${error.message} Everything acknowledged is on disk.`, action: reload };
    case "EMBEDDING_FUNCTION":
      return { title: "The model could not be loaded", advice: `${error.message} Search by words goes on.`, action: reload };
    default:
      return { title: "The database refused this", advice: error.message };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Shows an error until it is dismissed. The same error twice is shown once. */
export function showError(error: unknown): void {
  const { title, advice, action } = adviceFor(error);
  const code = error instanceof TidepoolError ? error.code : "";
  showNotice(element("div", {}, element("strong", {}, title), element("p", {}, advice)), code, action);
}

/** Shows it until it is dismissed. */
export function showNotice(text: HTMLElement, code: string, action?: Advice["action"]): void {
  const region = byId("notices");
  const notice = element("div", { class: "notice", "data-testid": "notice", "data-code": code }, text);
  if (action) notice.append(button(action.label, { class: "quiet" }, action.run));
  notice.append(button("Dismiss", { class: "quiet", "data-testid": "dismiss" }, () => notice.remove()));
  for (const old of region.querySelectorAll(".notice")) if (old.textContent === notice.textContent) old.remove();
  region.append(notice);
}

export function clearErrors(): void {
  byId("notices").replaceChildren();
}

let toastTimer = 0;

/** Says for some seconds what was done, with a way to take it back. */
export function showToast(text: string, undo?: () => void): void {
  const toast = byId("toast");
  const hide = (): void => {
    toast.hidden = true;
  };
  // It stays while the pointer or the focus is on it: nobody should have to hurry.
  const hideLater = (ms: number): void => {
    clearTimeout(toastTimer);
    toastTimer = window.setTimeout(() => (toast.matches(":hover, :focus-within") ? hideLater(1000) : hide()), ms);
  };
  toast.replaceChildren(element("span", {}, text));
  const hideAndUndo = (): void => {
    hide();
    undo?.();
  };
  if (undo) toast.append(button("Undo", { class: "quiet", "data-testid": "undo" }, hideAndUndo));
  toast.hidden = false;
  hideLater(undo ? 9000 : 4000);
}

/** Asks before something is deleted for good. */
export function confirmDeletion(question: string, verb: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>("confirm");
  byId("confirm-text").textContent = question;
  dialog.querySelector('[value="yes"]')!.textContent = verb;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
