/**
 * Fingerprints of strings: 32 bits, by which a string is told from most others. They stand on disk beside ids, so how they are made never
 * changes. It is MurmurHash3 (x86, 32 bits, seed 0; Appleby, public domain) over the UTF-16 code units, two to a word.
 */

const [C1, C2] = [0xcc9e2d51, 0x1b873593];

/** An unsigned number of 32 bits. */
export function fingerprintOf(text: string): number {
  const { length } = text;
  const pairs = length - (length & 1);
  let hash = 0;
  for (let i = 0; i < pairs; i += 2) {
    hash ^= mixed(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (pairs < length) hash ^= mixed(text.charCodeAt(pairs));
  hash ^= 2 * length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixed(word: number): number {
  const product = Math.imul(word, C1);
  return Math.imul((product << 15) | (product >>> 17), C2);
}
