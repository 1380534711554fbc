/** The page of `npm run eval -- text`: one database that holds every set. */
import { TidepoolClient } from "tidepool-db";
import type { RetrievalOutcome } from "../eval/retrieval-outcome.js";
import { RetrievalSet } from "../eval/retrieval-set.js";
import { expose } from "../page.js";

const sets: readonly RetrievalSet[] = [
  new RetrievalSet("adi", "lsa"),
  new RetrievalSet("cisi", "lsa"),
  new RetrievalSet("cranfield", "lsa"),
  new RetrievalSet("cranfield", "minilm"),
  new RetrievalSet("npl", "lsa"),
  new RetrievalSet("scifact", "lsa"),
  new RetrievalSet("msrd-movies", "lsa"),
  new RetrievalSet("miracl-yo"),
  ...["en", "de", "es", "ru", "zh", "ar"].map((language) => new RetrievalSet(`xquad-${language}`)),
];

const client = new TidepoolClient({ path: "text-eval", storage: "opfs" });

const functions = {
  names: (): string[] => sets.map(({ name }) => name),
  evaluate: async (name: string): Promise<RetrievalOutcome> => {
    const set = sets.find((set) => set.name === name);
    if (!set) throw new Error(`there is no set ${name}`);
    await set.ingest(client);
    return set.evaluate(client);
  },
};

export type TextEvalPage = typeof functions;

expose(functions);
