/**
 * What Chromium stores of a database, as far as tests must read or forge it. Written down here a second time on purpose:
 * a change of the format that these tests do not follow is a change that older databases cannot follow either.
 */

/** Where a block lies. */
export interface BlockRef {
  arena: number;
  offset: number;
  length: number;
}

/** The catalog row `manifest/<collection id>`. */
export interface Manifest {
  count: number;
  sections: {
    records: { ids: { refs: BlockRef[] }[]; payload: { refs: BlockRef[] }[] };
    vectors: { rows: { refs: BlockRef[] }[]; graph: { pieces: BlockRef[] } | null };
    metadata: { postings: { blocks: { ref: BlockRef }[] } };
    sparse: { indexes: { postings: { blocks: { ref: BlockRef }[] } }[] };
    text: { segments: { leaves: { terms: BlockRef; postings: BlockRef }[] }[] | null };
  };
}

/** The catalog row `format`. */
export interface Format {
  formatVersion: number;
}

/** A row is the CRC-32 of its key and its JSON, little-endian, and the JSON; that of the row `format` leaves out the key. */
export function decodeRow<T>(key: string, bytes: readonly number[]): T {
  const row = Buffer.from(bytes);
  const json = row.subarray(4);
  if (row.readUInt32LE(0) !== checksum(key, json)) throw new Error(`the row fails its checksum: ${json.toString()}`);
  return JSON.parse(json.toString()) as T;
}

export function encodeRow(key: string, value: unknown): number[] {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(checksum(key, json));
  return [...head, ...json];
}

function checksum(key: string, json: Uint8Array): number {
  return crc32(Buffer.concat([Buffer.from(key === "format" ? "" : key), json]));
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
