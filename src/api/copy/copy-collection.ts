/** `copyCollection`: reads, writes, reads both again beside each other, and only then lets the copy have its name. */
import { TidepoolError } from "../../core/errors.js";
import { validateFunction } from "../../core/gateway/validate/values.js";
import { aborted, readCallLimits } from "../call-limits.js";
import { readArguments, readObject } from "../read-arguments.js";
import { GrowingCopy, readCollection } from "./client-home.js";
import { ContentDigest, otherVector } from "./content-digest.js";
import { readFile, writeFile } from "./copy-file.js";
import {
  type CopyOptions,
  type CopyProgress,
  type CopyReport,
  type CopySource,
  type CopyTo,
  type How,
  readFrom,
  readTo,
} from "./copy-places.js";
import { besideEachOther } from "./record-slices.js";

/**
 * Copies a collection with all that it is: records in their order with embeddings, documents, metadata, URIs and sparse vectors, schema,
 * configuration, embedding function, the collection's own metadata. From a database in the browser it is that of one moment.
 *
 * Until it is whole, and has been compared with its source, the copy is called `copying-<name>`. An interrupted call leaves it so, and
 * the next one goes on there.
 *
 * @throws `NOT_FOUND`; `ALREADY_EXISTS` where the name is taken; `CONFLICT` where what an interrupted call has left is no beginning of the
 *   source, or the source was changed meanwhile; `STALE_READ` where a server's record was deleted meanwhile; `CORRUPTION` for a file that
 *   is cut or changed; `NOT_SUPPORTED` where the target has no such index; `ABORTED`, and what reading and writing there rejects with.
 */
export async function copyCollection(args: CopyOptions): Promise<CopyReport> {
  const { from, to, ...how } = readArguments("copyCollection", () => readCopy(args));
  const source = "file" in from ? await readFile(from.file, from.name) : await readCollection(from.client, from.name, how.signal);
  try {
    return "file" in to ? await writeFile(source, to.file, how) : await copyInto(source, to, how);
  } finally {
    await source.end();
  }
}

function readCopy(args: CopyOptions) {
  const { from, to, onProgress, signal } = readObject(args, "copyCollection", "from to onProgress signal");
  return { from: readFrom(from), to: readTo(to), ...readHow({ onProgress, signal } as How) };
}

export function readHow({ onProgress, signal }: How): How {
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  readCallLimits(signal === undefined ? {} : { signal });
  if (signal?.aborted) throw aborted(signal);
  return { ...(onProgress && { onProgress }), ...(signal && { signal }) };
}

/** The whole of it, under its own name in the end. */
export async function copyInto(source: CopySource, to: Extract<CopyTo, { client: unknown }>, how: How): Promise<CopyReport> {
  const { described, count: total } = source;
  const { name = described.name } = to;
  const copy = await GrowingCopy.begin(to.client, name, described, how.signal);
  if (copy.found > total) throw noBeginning(copy.place);
  let done = copy.found;
  const tell = (phase: CopyProgress["phase"]): void => how.onProgress?.({ collection: described.name, phase, done, total });
  for await (const page of source.pages(done, how.signal)) {
    await copy.write(page, how.signal);
    done += page.ids.length;
    tell("copying");
  }
  const target = await copy.read(how.signal);
  try {
    done = 0;
    const digest = await sameContents(source, target, copy.place, how, (records) => {
      done += records;
      tell("verifying");
    });
    if (how.signal?.aborted) throw aborted(how.signal);
    await copy.finish();
    return { name, records: total, resumedAt: copy.found, digest, leftOut: copy.leftOut };
  } finally {
    await target.end();
  }
}

/** The digest of both; rejects with `CONFLICT` where they differ. */
export async function sameContents(
  source: CopySource,
  target: CopySource,
  place: string,
  { signal }: How,
  onCompared: (records: number) => void,
): Promise<string> {
  if (source.count !== target.count) throw noBeginning(place);
  const [one, other] = [new ContentDigest(), new ContentDigest()];
  for await (const [a, b] of besideEachOther(source.pages(0, signal), target.pages(0, signal))) {
    const odd = a.ids.find((id, i) => id !== b.ids[i]) ?? otherVector(a.ids, a.embeddings, b.embeddings);
    if (odd !== null) throw noBeginning(place, odd);
    await Promise.all([one.add(a), other.add(b)]);
    onCompared(a.ids.length);
  }
  const digest = await one.end();
  if (digest !== (await other.end())) throw noBeginning(place);
  return digest;
}

function noBeginning(place: string, id?: string): TidepoolError {
  const where = id === undefined ? "" : `, from the record ${JSON.stringify(id)} on`;
  const message = `${place} is not what the source is now${where}: it was changed, or is no copy of it. Delete it, and copy again`;
  return new TidepoolError("CONFLICT", message, { details: id === undefined ? {} : { id } });
}
