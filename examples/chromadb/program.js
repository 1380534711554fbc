/**
 * A program for Chroma's server, as it was written for Node: it imports `chromadb`, knows of nothing else, and speaks to
 * http://localhost:8000, where no server is.
 */
import { ChromaClient } from "chromadb";

/** Its own embedding function: how often each pair of letters stands in a text. */
const letterPairs = {
  name: "letter-pairs",
  async generate(texts) {
    return texts.map((text) => {
      const vector = new Array(64).fill(0);
      const letters = text.toLowerCase();
      for (let i = 1; i < letters.length; i++) vector[(letters.charCodeAt(i - 1) * 31 + letters.charCodeAt(i)) % 64] += 1;
      return vector;
    });
  },
};

export async function main(print) {
  const client = new ChromaClient();
  print(`version ${await client.version()}`);

  const films = await client.getOrCreateCollection({ name: "films", embeddingFunction: letterPairs });
  await films.upsert({
    ids: ["jaws", "moon", "tide", "gale"],
    documents: ["a shark near the beach", "alone on the moon", "love at high tide", "a gale at the beach"],
    metadatas: [{ year: 1975 }, { year: 2009 }, { year: 2014 }, { year: 1991 }],
  });
  print(`count ${await films.count()}`);

  const near = await films.query({ queryTexts: ["a shark at the beach"], nResults: 2 });
  print(`near ${near.ids[0].join(", ")}`);

  const recent = await films.get({ where: { year: { $gt: 2000 } }, include: ["documents"] });
  print(`recent ${recent.documents.join("; ")}`);

  const beach = await films.get({ whereDocument: { $contains: "beach" } });
  print(`beach ${beach.ids.join(", ")}`);

  await films.delete({ ids: ["gale"] });
  print(`left ${(await films.peek({ limit: 10 })).ids.join(", ")}`);

  await client.getCollection({ name: "nobody" }).catch((error) => print(error.name));
}
