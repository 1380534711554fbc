/**
 * A published database, opened where it lies: the manifest tells all that there is, and blocks are fetched as they are asked for. Loaded
 * when one is opened.
 *
 * The manifest that was read last is kept, so that what was read can be read again where the host cannot be reached. A file that is not as
 * the manifest tells may be one of another publication: then the manifest is looked at again, and where it is a newer one the database
 * ends, and is opened anew by whoever asks next.
 */
import { decodePublication, MANIFEST_NAME, type Publication, type Unreadable } from "../../core/backup/publication.js";
import type { TidepoolError } from "../../core/errors.js";
import type { PublishedSource } from "../../core/service.js";
import type { Storage } from "../../core/storage.js";
import { ChunkFile } from "./chunk-file.js";
import { ChunkReader } from "./chunk-reader.js";
import { PublishedBlobs } from "./published-blobs.js";
import { type EntriesOf, openRows } from "./published-rows.js";
import type { CacheFile, PublishedTools } from "./published-tools.js";
import { RangeRequests } from "./range-requests.js";

const CACHE_BYTES = 256 * 1024 * 1024;

export async function openPublished(source: PublishedSource, tools: PublishedTools): Promise<Storage> {
  checkSource(source, tools);
  const requests = new RangeRequests(source, tools);
  const publication = await readManifest(requests, source, tools);
  const file = source.cacheBytes === 0 ? null : await tools.openFile("chunks");
  const kept = file === null ? null : ChunkFile.open(file, source.cacheBytes ?? CACHE_BYTES);
  const changed = async (error: unknown): Promise<never> => {
    if (await isReplaced(publication, requests, tools)) {
      const message = `The database at ${source.url} was published anew while it was open`;
      tools.lost(tools.error("CONNECTION_LOST", message, { cause: error }));
    }
    throw error;
  };
  const chunks = new ChunkReader(requests, tools, publication, kept, changed);
  const blobs = new PublishedBlobs(chunks, tools, publication);
  const close = async (): Promise<void> => {
    requests.end();
    chunks.close();
  };
  try {
    const rows = await openRows(publication.head, entriesOf(publication, blobs), tools);
    return { kind: "published", isReadOnly: true, ...rows, blobs, close, destroy: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkSource({ url, headers = {}, cacheBytes = 0 }: PublishedSource, { error, storage }: PublishedTools): void {
  if (storage !== "auto" && storage !== "memory") {
    throw error("INVALID_ARGUMENT", `storage must be "auto" or "memory" with a source, got ${JSON.stringify(storage)}`);
  }
  if (!/^https?:/.test(url)) throw error("INVALID_ARGUMENT", `source must be an address of http or https, got ${JSON.stringify(url)}`);
  if (!(Number.isSafeInteger(cacheBytes) && cacheBytes >= 0)) {
    throw error("INVALID_ARGUMENT", `source.cacheBytes must be a whole number of at least 0, got ${String(cacheBytes)}`);
  }
  try {
    new Headers(headers);
  } catch (cause) {
    throw error("INVALID_ARGUMENT", `source.headers must be headers of HTTP: ${(cause as Error).message}`, { cause });
  }
}

async function readManifest(requests: RangeRequests, source: PublishedSource, tools: PublishedTools): Promise<Publication> {
  const file = source.cacheBytes === 0 ? null : await tools.openFile("manifest");
  try {
    const kept = file === null ? null : keptIn(file);
    // Whoever can go on without the host does not wait long for it.
    const bytes = await requests.whole(MANIFEST_NAME, kept === null ? undefined : 2).catch((error: TidepoolError) => {
      if (error.code !== "CONNECTION_LOST" || kept === null) throw error;
      tools.warn(`The database at ${source.url} is read as it was last, as far as it was: ${error.message}`);
      return kept;
    });
    const publication = readable(decodePublication(bytes), source, tools);
    if (file !== null) keep(file, bytes, tools);
    return publication;
  } finally {
    file?.close();
  }
}

/** One that was written in part fails its checksum, and is none. */
function keptIn(file: CacheFile): Uint8Array | null {
  const bytes = new Uint8Array(file.getSize());
  file.read(bytes, { at: 0 });
  return "head" in decodePublication(bytes) ? bytes : null;
}

function keep(file: CacheFile, bytes: Uint8Array, tools: PublishedTools): void {
  try {
    file.truncate(bytes.length);
    file.write(bytes, { at: 0 });
  } catch (error) {
    tools.warn(`The manifest of a published database cannot be kept for later: ${String(error)}`);
  }
}

function readable(found: Publication | Unreadable, { url }: PublishedSource, tools: PublishedTools): Publication {
  const isKnown = "head" in found && found.head.formatVersion <= tools.formatVersionMax;
  if (isKnown) return found;
  const version = "head" in found ? found.head.formatVersion : found.newer;
  const what = "head" in found ? `has format version ${version}` : found.what;
  if (version === undefined) throw tools.error("CORRUPTION", `${MANIFEST_NAME} at ${url} ${what}`);
  const message = `The database at ${url} ${what}, which this release does not read. Update tidepool-db to open it`;
  throw tools.error("FORMAT_TOO_NEW", message, { details: { found: version } });
}

async function isReplaced({ id }: Publication, requests: RangeRequests, tools: PublishedTools): Promise<boolean> {
  const found = decodePublication(await requests.whole(MANIFEST_NAME).catch(() => new Uint8Array(0)));
  if ("head" in found) return found.id !== id;
  tools.warn(`The manifest of a published database could not be read again: it ${found.what}`);
  return false;
}

/** Read only where a collection has some. */
function entriesOf({ entries }: Publication, blobs: PublishedBlobs): EntriesOf {
  return (collection) =>
    blobs.read(entries.filter((one) => one.collection === collection).map(({ extent }) => ({ extent, start: 0, length: extent.length })));
}
