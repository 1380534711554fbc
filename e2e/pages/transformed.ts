/** In a page: models of `@huggingface/transformers`, which are served beside it, as is all that they need. */
import { registerEmbeddingFunction } from "tidepool-db";
import { type LoadedTransformer, TransformersEmbeddingFunction, type TransformersOptions } from "tidepool-db/transformers";
import { askNotes, writeNotes } from "./asked-notes.js";

const runtime = { moduleUrl: "transformers/transformers.min.js", wasmPaths: "ort/", localModelPath: "models/", cache: false };
const Local = TransformersEmbeddingFunction.configured(runtime);
registerEmbeddingFunction("sentence_transformer", Local);

const tiny: TransformersOptions = {
  model: "test/tiny",
  pooling: "mean",
  device: "wasm",
  queryPrefix: "query: ",
  documentPrefix: "passage: ",
};
const sentences = ["The harbour of Oslo.", "She plays the violin.", "Our office moved."];
const questions = ["Where are ships?", "Who makes music?"];

/** Creates the collection, and tells of the model, how far it was loaded at the end, and what is near to the questions. */
export async function write(path: string): Promise<{ model: LoadedTransformer; loaded: number[]; nearest: (string | undefined)[] }> {
  let loaded: number[] = [];
  const embeddingFunction = new Local({
    ...tiny,
    onProgress: ({ loadedBytes, totalBytes }) => {
      loaded = [loadedBytes, totalBytes];
    },
  });
  const model = await embeddingFunction.load();
  const nearest = await writeNotes(path, embeddingFunction, sentences, questions);
  embeddingFunction.close();
  return { model, loaded, nearest };
}

export function ask(path: string): Promise<(string | undefined)[]> {
  return askNotes(path, questions);
}

/** The embeddings of texts, and how far the call was each time that it told. */
export async function embed(texts: string[], options: TransformersOptions = {}): Promise<{ vectors: number[][]; told: number[] }> {
  const fn = new Local({ ...tiny, documentPrefix: "", ...options });
  const told: number[] = [];
  const vectors = await fn.generate(texts, { onProgress: ({ embedded }) => told.push(embedded) });
  fn.close();
  return { vectors: vectors.map((vector) => [...vector]), told };
}

/** Where a function computes whose device is left to be chosen, and how one with other options fails. */
export async function load(options: TransformersOptions): Promise<LoadedTransformer | { code: string; message: string }> {
  const fn = new Local({ ...tiny, ...options });
  try {
    return await fn.load();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  } finally {
    fn.close();
  }
}
