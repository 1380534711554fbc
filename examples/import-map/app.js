/** Notes that are found by what they mean. Nothing was built: the page's import map says where the modules are. */
import { TidepoolClient } from "tidepool-db";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";

const notes = [
  "The harbour dries out twice a day.",
  "Our office has moved to the old customs house.",
  "The crane lifts up to four tonnes.",
  "Diesel is sold until six in the evening.",
  "Visitors pay by the length of their vessel.",
  "In a gale from the north the outer pier is closed.",
];

const question = document.getElementById("question");
const answers = document.getElementById("answers");
const status = document.getElementById("status");

const client = new TidepoolClient({ path: "harbour" });
const collection = await client.getOrCreateCollection({ name: "notes", embeddingFunction: new SentenceEncoder() });
// Written again on each visit, under the ids that they have: nothing changes then.
await collection.upsert({ ids: notes.map((_, i) => `note-${i}`), documents: notes });

async function ask() {
  const text = question.value;
  const found = text.trim() === "" ? [] : (await collection.hybrid({ queryText: text, nResults: 3 })).rows();
  // A newer question may have been typed meanwhile.
  if (text !== question.value) return;
  answers.replaceChildren(...found.map(({ document: note }) => Object.assign(document.createElement("li"), { textContent: note })));
}

question.addEventListener("input", ask);
await ask();
const { storage, kernel } = await client.info();
status.textContent = `${await collection.count()} notes in ${storage}, searched with ${kernel}`;
