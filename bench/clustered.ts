/**
 * The benchmark's records: unit vectors in clusters, as embeddings are, with a document and metadata. Everything follows
 * from the seed, row by row, so that the first 10,000 of 50,000 records are the same as 10,000 alone.
 */
import { randomFrom } from "../tools/random.js";
import { fillGaussian, normalize } from "./random.js";

export interface RecordMetadata {
  /** One of twenty. */
  category: string;
  /** 0–99, evenly. */
  number: number;
  flag: boolean;
  [key: string]: string | number | boolean;
}

export interface Dataset {
  dimension: number;
  ids: string[];
  /** Row-major. */
  vectors: Float32Array;
  documents: string[];
  metadatas: RecordMetadata[];
}

export const DIMENSION = 384;
const CLUSTERS = 200;
/** Length of the noise beside a cluster's centre of length 1. */
const NOISE = 0.7;
const DOCUMENT_LENGTH = 200;
const VOCABULARY = 4000;

function centres(): Float32Array[] {
  const random = randomFrom(1);
  return Array.from({ length: CLUSTERS }, () => {
    const centre = new Float32Array(DIMENSION);
    fillGaussian(centre, random, 1);
    normalize(centre);
    return centre;
  });
}

/** `count` unit vectors around the clusters' centres. Different seeds give different points of the same distribution. */
export function clusteredVectors(count: number, seed: number): Float32Array {
  const around = centres();
  const random = randomFrom(seed);
  const vectors = new Float32Array(count * DIMENSION);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION);
    const centre = around[Math.floor(random() * CLUSTERS)]!;
    fillGaussian(vector, random, NOISE / Math.sqrt(DIMENSION));
    for (let i = 0; i < DIMENSION; i++) vector[i] = vector[i]! + centre[i]!;
    normalize(vector);
  }
  return vectors;
}

/** Words of two to four syllables; early ones are drawn more often, as in a language. */
function vocabulary(): string[] {
  const random = randomFrom(2);
  const pick = (letters: string): string => letters[Math.floor(random() * letters.length)]!;
  return Array.from({ length: VOCABULARY }, () =>
    Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick("bdfgklmnprstvz") + pick("aeiou")).join(""),
  );
}

function documentOf(words: readonly string[], random: () => number): string {
  let text = "";
  while (text.length < DOCUMENT_LENGTH) text += `${words[Math.floor(words.length * random() ** 3)]!} `;
  return text.slice(0, DOCUMENT_LENGTH);
}

export function clusteredDataset(count: number, seed: number): Dataset {
  const random = randomFrom(seed ^ 0x5eed);
  const words = vocabulary();
  const documents: string[] = [];
  const metadatas: RecordMetadata[] = [];
  for (let row = 0; row < count; row++) {
    metadatas.push({ category: `category-${Math.floor(random() * 20)}`, number: Math.floor(random() * 100), flag: random() < 0.5 });
    documents.push(documentOf(words, random));
  }
  const ids = Array.from({ length: count }, (_, row) => `record-${row}`);
  return { dimension: DIMENSION, ids, vectors: clusteredVectors(count, seed), documents, metadatas };
}

/** Rows of a data set, copied. */
export function sliceDataset({ dimension, ids, vectors, documents, metadatas }: Dataset, start: number, end: number): Dataset {
  return {
    dimension,
    ids: ids.slice(start, end),
    vectors: vectors.slice(start * dimension, end * dimension),
    documents: documents.slice(start, end),
    metadatas: metadatas.slice(start, end),
  };
}
