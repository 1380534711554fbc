/** The app itself, which knows nothing of being offline. */
import { TidepoolClient } from "tidepool-db";
import { offerInstall, offerUpdates } from "./installing.js";

const entry = document.getElementById("entry");
const question = document.getElementById("question");
const list = document.getElementById("entries");

const client = new TidepoolClient({ path: "logbook" });
const entries = await client.getOrCreateCollection({ name: "entries" });

async function show() {
  const asked = question.value;
  const { documents } = asked.trim() === "" ? await entries.get() : await entries.searchText({ query: asked, nResults: 20 });
  if (asked !== question.value) return;
  list.replaceChildren(...documents.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  await entries.add({ ids: [crypto.randomUUID()], documents: [entry.value] });
  entry.value = "";
  // Something is worth keeping now: asks the browser not to evict it.
  await client.persist();
});
question.addEventListener("input", () => void show());
await entries.subscribe({ count: {} }, () => void show());
await show();

offerInstall(document.getElementById("install"));
await offerUpdates(document.getElementById("update"), document.getElementById("status"));
