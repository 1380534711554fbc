/** In a page: a collection of sentences that are found by what they mean, and a model that is to be found elsewhere. */
import { registerEmbeddingFunction } from "tidepool-db";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";
import { askNotes, writeNotes } from "./asked-notes.js";

registerEmbeddingFunction("tidepool-sentence-encoder", SentenceEncoder);

const sentences = ["The harbour dries out twice a day.", "Our office moved to Oslo.", "She has played the violin since she was five."];
const questions = ["When is there no water for boats?", "Who makes music?"];

/** Creates the collection, and tells how far the model was loaded at the end and what is near to the questions. */
export async function write(path: string): Promise<{ loaded: number[]; nearest: (string | undefined)[] }> {
  let loaded: number[] = [];
  const onProgress = ({ loadedBytes, totalBytes }: { loadedBytes: number; totalBytes: number }) => {
    loaded = [loadedBytes, totalBytes];
  };
  const embeddingFunction = new SentenceEncoder({ onProgress });
  const nearest = await writeNotes(path, embeddingFunction, sentences, questions);
  embeddingFunction.close();
  return { loaded, nearest };
}

export function ask(path: string): Promise<(string | undefined)[]> {
  return askNotes(path, questions);
}

let kept: SentenceEncoder | null = null;

/** Embeds with a function that stays, and tells the length of the vector. */
export async function embed(text: string, idleMs: number): Promise<number> {
  kept ??= new SentenceEncoder({ idleMs });
  const [vector] = await kept.generate([text]);
  return Math.hypot(...vector!);
}

let ended = 0;
const { terminate } = Worker.prototype;
Worker.prototype.terminate = function (this: Worker): void {
  ended++;
  terminate.call(this);
};

/** How many workers this page has ended. */
export function endedWorkers(): number {
  return ended;
}

/** How loading a model from there fails. */
export async function failure(modelUrl: string): Promise<{ code: string; message: string }> {
  const encoder = new SentenceEncoder({ modelUrl });
  return encoder.load().then(
    () => ({ code: "", message: "it was loaded" }),
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  );
}
