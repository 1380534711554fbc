/** The page of the suite `sentence-encoder`. */
import { SentenceEncoder } from "tidepool-db/sentence-encoder";
import { expose } from "../page.js";
import { quantile } from "../statistics.js";

/** Words that are one piece each, so that a text has as many pieces as words; and ids of pieces for who is asked by them. */
const WORDS = ["the", "to", "and", "of", "in", "for"];
const FIRST_ID = 100;

/** A text of so many pieces that no other round has. */
function textOf(pieces: number, round: number): string {
  return Array.from({ length: pieces }, (_, i) => WORDS[(i * i + round * (i + 1) + (round >> 2)) % WORDS.length]).join(" ");
}

async function timed(rounds: number, ask: (round: number) => Promise<unknown>): Promise<number> {
  const timesMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await ask(round);
    timesMs.push(performance.now() - start);
  }
  return quantile(timesMs, 0.5);
}

let encoder: SentenceEncoder;
let tensorFlow: Worker;

function askTensorFlow(ids: number[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    tensorFlow.onmessage = ({ data }) => resolve(data);
    tensorFlow.onerror = ({ message }) => reject(new Error(message));
    tensorFlow.postMessage(ids);
  });
}

const ids = (pieces: number, round: number): number[] => Array.from({ length: pieces }, (_, i) => FIRST_ID + ((round + 7 * i) % 1000));

const functions = {
  /** Milliseconds from nothing to the first embedding, the files coming from the disk or the browser's cache. */
  load: async (engine: "tidepool" | "tensorflow"): Promise<number> => {
    const start = performance.now();
    if (engine === "tidepool") {
      encoder = new SentenceEncoder();
      await encoder.generate(["low tide"]);
    } else {
      tensorFlow = new Worker("./engines/tensorflow.js", { type: "module" });
      await askTensorFlow(ids(3, 0));
    }
    return performance.now() - start;
  },
  /** Milliseconds for one text of so many pieces, messages included: the median of the rounds. */
  embed: (engine: "tidepool" | "tensorflow", pieces: number, rounds: number): Promise<number> =>
    engine === "tidepool"
      ? timed(rounds, (round) => encoder.generate([textOf(pieces, round)]))
      : timed(rounds, (round) => askTensorFlow(ids(pieces, round))),
};

export type SentenceEncoderPage = typeof functions;

expose(functions);
