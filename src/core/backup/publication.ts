/**
 * What a published database is: files of blocks, which never change, and a manifest, which names them and is replaced in one step when the
 * database is published again. Readers know both by their checksums, and so take nothing for what it is not.
 *
 *   manifest := {"tidepool":1,"crc32":"<8 hex digits>",<rest>      JSON; the checksum is that of the bytes of the rest
 *   file     := the bytes of blocks and log records, one after the other, at the places that the manifest tells
 *
 * A file has a name that no other has had. Its bytes are checked in chunks of `CHUNK_BYTES`, the last of which may be shorter, since
 * readers fetch parts of it. Blocks are named by manifests of collections as everywhere, where `arena` is the place of a file among the
 * manifest's. Whatever the memory had that is in no block comes as log records.
 */
import { crc32 } from "../base/checksum.js";
import type { Extent } from "../storage.js";
import type { BackupHead } from "./backup-file.js";

// Core compiles without the DOM's library; these two exist in every environment that the package runs in.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

/** Version of the manifest and the files. */
export const PUBLICATION_VERSION = 1;
export const MANIFEST_NAME = "tidepool.json";
export const CHUNK_BYTES = 16 * 1024;

export interface PublishedFile {
  name: string;
  bytes: number;
  /** The CRC-32 of each chunk, little-endian, as base64. */
  sums: string;
}

/** A log record of a collection, by that one's place among those of the head. */
export interface PublishedEntry {
  collection: number;
  extent: Extent;
}

export interface Publication {
  /** Of this publication alone. */
  id: string;
  /** The database as a backup has it; its blocks lie in the files. */
  head: BackupHead;
  files: PublishedFile[];
  /** In their order. */
  entries: PublishedEntry[];
  /** What opening collections reads: parts of files that are best read in one go. */
  opening: Extent[];
}

const PREFIX_BYTES = 33;
const prefixOf = (sum: number): string => `{"tidepool":${PUBLICATION_VERSION},"crc32":"${sum.toString(16).padStart(8, "0")}",`;

export function encodePublication(publication: Publication): Uint8Array<ArrayBuffer> {
  const rest = new TextEncoder().encode(JSON.stringify(publication).slice(1));
  const bytes = new Uint8Array(PREFIX_BYTES + rest.length);
  bytes.set(rest, PREFIX_BYTES);
  bytes.set(new TextEncoder().encode(prefixOf(crc32(rest))));
  return bytes;
}

/** What is wrong with bytes that are no manifest: `newer` where another release may know better. */
export interface Unreadable {
  what: string;
  newer?: number;
}

export function decodePublication(bytes: Uint8Array): Publication | Unreadable {
  const prefix = new TextDecoder().decode(bytes.subarray(0, PREFIX_BYTES));
  const version = Number(/^\{"tidepool":(\d+),/.exec(prefix)?.[1]);
  if (!(version > 0)) return { what: "is no manifest of a published database" };
  if (version > PUBLICATION_VERSION) return { what: `has version ${version}`, newer: version };
  const rest = bytes.subarray(PREFIX_BYTES);
  if (prefix !== prefixOf(crc32(rest))) return { what: "fails its checksum" };
  return JSON.parse(`{${new TextDecoder().decode(rest)}`) as Publication;
}

type Ref = Extent & { crc32: number };

/** Everything that names a block in the manifests of a head. */
export function* refsIn({ collections }: Pick<BackupHead, "collections">): Generator<Ref, void, undefined> {
  for (const { manifests } of collections) for (const { sections } of manifests) yield* refsUnder(sections);
}

/** In whatever section it stands. */
function* refsUnder(json: unknown): Generator<Ref, void, undefined> {
  if (typeof json !== "object" || json === null) return;
  if (isRef(json)) yield json;
  else for (const value of Object.values(json)) yield* refsUnder(value);
}

/** Keys of metadata may be called anything, but what stands under them is no number. */
function isRef(json: object): json is Ref {
  const { arena, offset, length, crc32 } = json as Partial<Ref>;
  return [arena, offset, length, crc32].every((value) => typeof value === "number");
}
