/** Makes records for `speed-proof.ts`: vectors around some hundred centres, as embeddings of texts lie, and a line of text for each. */

/** The next records, and a query that lies among them. */
export interface Generated {
  ids: string[];
  documents: string[];
  embeddings: Float32Array;
  query: Float32Array;
}

const dimension = 128;
const recordsPerMessage = 1000;
const centres = 256;
const animals = ["limpet", "mussel", "anemone", "barnacle", "shore crab", "sea star", "dog whelk", "goby", "shrimp", "urchin"];

/** A value in -1..1 that is always the same for one number. */
function noise(seed: number): number {
  let value = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) / 2 ** 31 - 1;
}

function fill(target: Float32Array, record: number): void {
  const centre = record % centres;
  for (let at = 0; at < dimension; at++) target[at] = noise(centre * dimension + at) + 0.4 * noise((record + centres) * dimension + at);
}

addEventListener("message", ({ data: from }: MessageEvent<number>) => {
  const embeddings = new Float32Array(recordsPerMessage * dimension);
  const numbers = Array.from({ length: recordsPerMessage }, (_, index) => from + index);
  numbers.forEach((record, index) => fill(embeddings.subarray(index * dimension, (index + 1) * dimension), record));
  const query = new Float32Array(dimension);
  fill(query, -1 - from);
  const documents = numbers.map((record) => `Sighting ${record}: ${animals[record % animals.length]} at station ${record % 97}`);
  const made: Generated = { ids: numbers.map((record) => `sighting-${record}`), documents, embeddings, query };
  postMessage(made, { transfer: [embeddings.buffer, query.buffer] });
});
