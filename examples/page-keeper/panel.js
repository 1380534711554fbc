/** The side panel: finds kept pages as one types, and looks again when a page is kept. */
import { findPages, openDatabase, openPassages } from "./kept-pages.js";

const question = document.getElementById("question");
const status = document.getElementById("status");
const found = document.getElementById("found");

const passages = await openPassages(openDatabase());

async function show() {
  const asked = question.value;
  const pages = asked.trim() === "" ? [] : await findPages(passages, asked);
  if (asked === question.value) found.replaceChildren(...pages.map(itemOf));
}

function itemOf({ url, title, passage }) {
  const link = Object.assign(document.createElement("a"), { href: url, target: "_blank", textContent: title });
  const item = document.createElement("li");
  item.append(link, Object.assign(document.createElement("p"), { textContent: passage }));
  return item;
}

question.addEventListener("input", () => void show());
function tell(count) {
  status.textContent = `${count} passages kept`;
  void show();
}
const { initial } = await passages.subscribe({ count: {} }, ({ results }) => tell(results));
tell(initial);
