/**
 * A set of texts and questions with judgements, asked by full text, by the embeddings of hashing and of the sentence encoder, and by
 * the hybrid of full text and the sentence encoder, also with
 * more weight on its vectors.
 */
import { type Collection, HashingEmbeddingFunction, type TidepoolClient } from "tidepool-db";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";
import { readJsonLines } from "./data.js";
import { type EmbeddingOutcome, WAYS, type Way } from "./embedding-outcome.js";
import { OTHERS, PARAPHRASES } from "./paraphrases.js";
import { ndcg, readGrades, recall } from "./text-set.js";

interface Text {
  id: string;
  title?: string;
  text: string;
}

interface Content {
  corpus: Text[];
  queries: Text[];
  grades: Map<string, Map<string, number>>;
}

export const PARAPHRASE_SET = "paraphrases";
const FOUND = 10;

async function contentOf(name: string): Promise<Content> {
  if (name !== PARAPHRASE_SET) {
    const [corpus, queries] = [await readJsonLines<Text>(`${name}/corpus.jsonl`), await readJsonLines<Text>(`${name}/queries.jsonl`)];
    return { corpus, queries, grades: await readGrades(name) };
  }
  const answers = PARAPHRASES.map(([, text], i) => ({ id: `a${i}`, text }));
  return {
    corpus: [...answers, ...OTHERS.map((text, i) => ({ id: `o${i}`, text }))],
    queries: PARAPHRASES.map(([text], i) => ({ id: `q${i}`, text })),
    grades: new Map(PARAPHRASES.map((_, i) => [`q${i}`, new Map([[`a${i}`, 1]])])),
  };
}

/** Writes the set twice, once with each embedding function, and asks all its questions in every way. */
export async function evaluateEmbeddings(client: TidepoolClient, name: string): Promise<EmbeddingOutcome> {
  const { corpus, queries, grades } = await contentOf(name);
  const embeddingFunction = new SentenceEncoder();
  const hashed = await client.createCollection({ name: `${name}-hashing`, embeddingFunction: new HashingEmbeddingFunction() });
  const encoded = await client.createCollection({ name: `${name}-encoder`, embeddingFunction });
  await add(hashed, corpus);
  const start = performance.now();
  await add(encoded, corpus);
  const embedSeconds = (performance.now() - start) / 1000;
  const judged = queries.filter(({ id }) => grades.has(id));
  const ways = {} as EmbeddingOutcome["ways"];
  for (const way of WAYS) {
    const answers: string[][] = [];
    for (const { text } of judged) answers.push(await ask(way, text, hashed, encoded));
    const mean = (score: (ids: string[], grades: Map<string, number>) => number): number =>
      judged.reduce((sum, { id }, q) => sum + score(answers[q]!, grades.get(id)!), 0) / judged.length;
    ways[way] = {
      ndcgAt10: mean((ids, grades) => ndcg(ids, grades, FOUND)),
      recallAt10: mean((ids, grades) => recall(ids, grades, FOUND)),
      firstIsRight: mean(([first], grades) => (grades.has(first ?? "") ? 1 : 0)),
    };
  }
  embeddingFunction.close();
  return { set: name, records: corpus.length, queries: judged.length, ways, embedSeconds };
}

async function add(collection: Collection, corpus: readonly Text[]): Promise<void> {
  await collection.add({
    ids: corpus.map(({ id }) => id),
    documents: corpus.map(({ title, text }) => (title ? `${title} ${text}` : text)),
  });
}

async function ask(way: Way, text: string, hashed: Collection, encoded: Collection): Promise<string[]> {
  const common = { nResults: FOUND, include: [] };
  switch (way) {
    case "full text":
      return (await encoded.searchText({ query: text, ...common })).ids;
    case "hashing":
      return (await hashed.query({ queryTexts: [text], ...common })).ids[0]!;
    case "sentence encoder":
      return (await encoded.query({ queryTexts: [text], ...common })).ids[0]!;
    case "hybrid":
      return (await encoded.hybrid({ queryText: text, ...common })).ids;
    case "hybrid, vectors × 3":
      return (await encoded.hybrid({ queryText: text, weights: { dense: 3 }, ...common })).ids;
  }
}
