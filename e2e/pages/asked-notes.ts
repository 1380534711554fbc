/** In a page: a collection of sentences that are found by what they mean, whichever model says so. */
import { type EmbeddingFunction, TidepoolClient } from "tidepool-db";

/** Creates the collection, and answers what is nearest to each question. */
export async function writeNotes(
  path: string,
  embeddingFunction: EmbeddingFunction,
  sentences: readonly string[],
  questions: string[],
): Promise<(string | undefined)[]> {
  const client = new TidepoolClient({ path });
  const notes = await client.createCollection({ name: "notes", embeddingFunction });
  await notes.add({ ids: sentences.map((_, i) => `s${i}`), documents: [...sentences] });
  const { ids } = await notes.query({ queryTexts: questions, nResults: 1 });
  await client.close();
  return ids.map(([id]) => id);
}

/** Opens the collection by its name: the function comes from the registry. */
export async function askNotes(path: string, questions: string[]): Promise<(string | undefined)[]> {
  const client = new TidepoolClient({ path });
  const notes = await client.getCollection({ name: "notes" });
  const { ids } = await notes.query({ queryTexts: questions, nResults: 1 });
  await client.close();
  return ids.map(([id]) => id);
}
