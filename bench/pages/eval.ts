/** The page of `npm run eval`: one database that holds every set. */
import { TidepoolClient } from "tidepool-db";
import type { EvalSet } from "../eval/eval-set.js";
import { GroundTruthSet } from "../eval/ground-truth-set.js";
import { metClip } from "../eval/met-clip.js";
import type { Outcome } from "../eval/outcome.js";
import { TextSet } from "../eval/text-set.js";
import { wikiMovies } from "../eval/wiki-movies.js";
import { expose } from "../page.js";

const sets: readonly EvalSet[] = [
  new GroundTruthSet("simplewiki-minilm"),
  new GroundTruthSet("squad-questions-minilm"),
  new GroundTruthSet("bright-bge-large"),
  new GroundTruthSet("openai-ada2"),
  new GroundTruthSet("sift5k"),
  new GroundTruthSet("mnist10k"),
  metClip,
  wikiMovies,
  new TextSet("xquad-en"),
];

const client = new TidepoolClient({ path: "eval", storage: "opfs" });

function setNamed(name: string): EvalSet {
  const set = sets.find((set) => set.name === name);
  if (!set) throw new Error(`there is no set ${name}`);
  return set;
}

const functions = {
  names: (): string[] => sets.map(({ name }) => name),
  ingest: (name: string): Promise<void> => setNamed(name).ingest(client),
  evaluate: (name: string): Promise<Outcome> => setNamed(name).evaluate(client),
  count: async (name: string): Promise<number> => (await client.getCollection({ name })).count(),
  info: () => client.info(),
};

export type EvalPage = typeof functions;

expose(functions);
