/** The page of `npm run eval -- text`: one database that holds every set. */
import { type EngineInfo, TidepoolClient } from "tidepool-db";
import type { RetrievalOutcome } from "../eval/retrieval-outcome.js";
import { RetrievalSet } from "../eval/retrieval-set.js";
import { expose } from "../page.js";

/** In English, with vectors. */
const ENGLISH = [
  ["adi", "lsa"],
  ["cisi", "lsa"],
  ["cranfield", "lsa"],
  ["cranfield", "minilm"],
  ["npl", "lsa"],
  ["scifact", "lsa"],
  ["msrd-movies", "lsa"],
] as const;

const sets: readonly RetrievalSet[] = [
  ...ENGLISH.map(([folder, vectors]) => new RetrievalSet(folder, vectors)),
  new RetrievalSet("miracl-yo"),
  ...["en", "de", "es", "ru", "zh", "ar"].map((language) => new RetrievalSet(`xquad-${language}`)),
  ...ENGLISH.map(([folder, vectors]) => new RetrievalSet(folder, vectors, { isStemmed: true })),
];

const client = new TidepoolClient({ path: "text-eval", storage: "opfs" });

function setNamed(name: string): RetrievalSet {
  const set = sets.find((set) => set.name === name);
  if (!set) throw new Error(`there is no set ${name}`);
  return set;
}

const functions = {
  names: (): string[] => sets.map(({ name }) => name),
  ingest: (name: string): Promise<void> => setNamed(name).ingest(client),
  evaluate: (name: string): Promise<RetrievalOutcome> => setNamed(name).evaluate(client),
  info: (): Promise<EngineInfo> => client.info(),
};

export type TextEvalPage = typeof functions;

expose(functions);
