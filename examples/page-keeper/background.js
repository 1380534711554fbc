/**
 * The background service worker: keeps the page on which the menu's entry was chosen, and answers in the address bar after "kept".
 * It can run no engine, so it has the offscreen document opened, which does.
 */
import { findPages, keepPage, openDatabase, openPassages } from "./kept-pages.js";

const client = openDatabase({ offscreen: "offscreen.html" });

chrome.runtime.onInstalled.addListener(() => {
  chrome.contextMenus.create({ id: "keep", title: "Keep this page", contexts: ["page", "selection"] });
  void chrome.sidePanel.setPanelBehavior({ openPanelOnActionClick: true });
});

chrome.contextMenus.onClicked.addListener((_, tab) => void keepTab(tab.id));

chrome.omnibox.onInputChanged.addListener((question, suggest) => {
  void ask(question).then((pages) => suggest(pages.map(({ url, title }) => ({ content: url, description: asXml(title) }))));
});

chrome.omnibox.onInputEntered.addListener((url) => void chrome.tabs.update({ url }));

/** Says by the badge how many passages were kept, or that the page could not be read. */
async function keepTab(tabId) {
  try {
    const [{ result }] = await chrome.scripting.executeScript({ target: { tabId }, func: readPage });
    const kept = await keepPage(await openPassages(client), result);
    await chrome.action.setBadgeText({ tabId, text: String(kept) });
    return kept;
  } catch (error) {
    await chrome.action.setBadgeText({ tabId, text: "!" });
    await chrome.action.setTitle({ tabId, title: `Not kept: ${error.message}` });
    throw error;
  }
}

/** Runs in the page. */
function readPage() {
  // biome-ignore lint/performance/useDomNodeTextContent: what nobody sees of a page, as scripts, is none of its text
  return { url: location.href.split("#")[0], title: document.title || location.href, text: document.body.innerText };
}

async function ask(question) {
  return question.trim() === "" ? [] : findPages(await openPassages(client), question);
}

/** Suggestions are XML. */
function asXml(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

// For the console of the service worker, and for the test that drives it there.
Object.assign(globalThis, { keepTab, ask });
