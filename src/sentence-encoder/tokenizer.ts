/**
 * Cuts texts into the pieces of a vocabulary: SentencePiece's unigram model (Kudo: "Subword regularization", ACL 2018), by Viterbi's
 * way through each word. No piece of the vocabulary goes beyond a word, so words are cut one by one.
 *
 * Invariant: every text has an answer. What no piece covers is the unknown piece, once for a run of it.
 */

/** The piece that stands for whatever the vocabulary has none for. */
export const UNKNOWN = 0;
/** The first pieces are for control and for applications: no text has them. */
const RESERVED = 6;
/** Stands for the space before a word. */
const SPACE = "\u2581";
/** How much worse than the worst piece an unknown character is, as in SentencePiece. */
const UNKNOWN_PENALTY = 10;
/** Marks that change nothing of a text's reading: joiners, direction marks, soft hyphens. */
const INVISIBLE = /\p{Cf}/gu;
const BETWEEN_WORDS = /[\s\p{Cc}]+/gu;

/** A vocabulary, ready to cut texts. */
export class Tokenizer {
  readonly #ids = new Map<string, number>();
  readonly #scores: ArrayLike<number>;
  readonly #unknownScore: number;
  readonly #lengthMax: number;

  /** `scores` are the logarithms of the pieces' probabilities. */
  constructor(pieces: readonly string[], scores: ArrayLike<number>) {
    let [worst, longest] = [0, 1];
    for (let id = RESERVED; id < pieces.length; id++) {
      this.#ids.set(pieces[id]!, id);
      worst = Math.min(worst, scores[id]!);
      longest = Math.max(longest, pieces[id]!.length);
    }
    this.#scores = scores;
    this.#unknownScore = worst - UNKNOWN_PENALTY;
    this.#lengthMax = longest;
  }

  /** Ids of the text's pieces; none for a text with nothing in it to read. */
  cut(text: string): number[] {
    const ids: number[] = [];
    for (const word of text.replace(INVISIBLE, "").normalize("NFKC").split(BETWEEN_WORDS)) {
      if (word !== "") this.#cutWord(SPACE + word, ids);
    }
    return ids;
  }

  #cutWord(word: string, ids: number[]): void {
    const { starts, best } = this.#bestWay(word);
    const cut: number[] = [];
    for (let end = word.length; end > 0; end = starts[end]!) {
      const id = best[end]!;
      if (id !== UNKNOWN || cut.at(-1) !== UNKNOWN) cut.push(id);
    }
    for (let i = cut.length; i-- > 0; ) ids.push(cut[i]!);
  }

  /** For each place in the word, the last piece of the best way there, and where that piece starts. */
  #bestWay(word: string): { starts: Int32Array; best: Uint16Array } {
    const starts = new Int32Array(word.length + 1);
    const best = new Uint16Array(word.length + 1);
    const scores = new Float64Array(word.length + 1).fill(-Infinity);
    scores[0] = 0;
    const arrive = (start: number, end: number, id: number, score: number): void => {
      if (scores[start]! + score <= scores[end]!) return;
      scores[end] = scores[start]! + score;
      starts[end] = start;
      best[end] = id;
    };
    for (let start = 0; start < word.length; ) {
      const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      const endMax = Math.min(word.length, start + this.#lengthMax);
      let isKnown = false;
      for (let end = next; end <= endMax; end++) {
        const id = this.#ids.get(word.slice(start, end));
        if (id === undefined) continue;
        isKnown ||= end === next;
        arrive(start, end, id, this.#scores[id]!);
      }
      if (!isKnown) arrive(start, next, UNKNOWN, this.#unknownScore);
      start = next;
    }
    return { starts, best };
  }
}
