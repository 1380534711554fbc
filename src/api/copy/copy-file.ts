/**
 * Collections in files: JSON lines, in this order for each collection, so that a file may have several, and none that is cut passes for
 * whole:
 *
 *   {"tidepool-copy": 1, "name": …, "metadata": …, "configuration": {…}, "schema": {…}, "count": records}
 *   {"id": …, "text_chunk": document or null, "embedding": […], "metadata": {…} or null, "uri": … or null}   for each record
 *   {"end": the digest of the collection}
 */
import { invalidArgument, TidepoolError } from "../../core/errors.js";
import type { Metadata, RecordColumns } from "../../core/types.js";
import { aborted } from "../call-limits.js";
import { Slice } from "../slice.js";
import { ContentDigest } from "./content-digest.js";
import type { CopyFile, CopyReport, CopySource, Described, How } from "./copy-places.js";

const FORMAT = 1;
/** Records of a page that is read. */
const RECORDS_AT_ONCE = 500;

interface Head extends Described {
  "tidepool-copy": number;
  count: number;
}

interface Line {
  id: string;
  text_chunk: string | null;
  embedding: number[];
  metadata: Metadata | null;
  uri: string | null;
}

/** Writes the collection; the stream is closed in the end, or aborted where it fails. */
export async function writeFile(source: CopySource, file: WritableStream<Uint8Array<ArrayBuffer>>, how: How): Promise<CopyReport> {
  return writingTo(file, (write) => writeCollection(source, write, how));
}

type Write = (text: string) => Promise<void>;

export async function writingTo<T>(file: WritableStream<Uint8Array<ArrayBuffer>>, work: (write: Write) => Promise<T>): Promise<T> {
  const writer = file.getWriter();
  const encoder = new TextEncoder();
  try {
    const result = await work((text) => writer.write(encoder.encode(text)));
    await writer.close();
    return result;
  } catch (error) {
    // Its own failure is the error already, or says less.
    await writer.abort(error).catch(() => undefined);
    throw error;
  } finally {
    writer.releaseLock();
  }
}

export async function writeCollection(source: CopySource, write: Write, { onProgress, signal }: How): Promise<CopyReport> {
  const { described, count: total } = source;
  const { name, metadata, configuration, schema } = described;
  const head: Head = { "tidepool-copy": FORMAT, name, metadata, configuration, schema, count: total };
  await write(`${JSON.stringify(head)}\n`);
  const digest = new ContentDigest();
  let done = 0;
  for await (const page of source.pages(0, signal)) {
    await write(await linesOf(page));
    await digest.add(page);
    done += page.ids.length;
    onProgress?.({ collection: name, phase: "copying", done, total });
    if (signal?.aborted) throw aborted(signal);
  }
  const end = await digest.end();
  await write(`${JSON.stringify({ end })}\n`);
  return { name, records: total, resumedAt: 0, digest: end, leftOut: [] };
}

async function linesOf({ ids, documents, embeddings, metadatas, uris }: RecordColumns): Promise<string> {
  const slice = new Slice();
  const { dimension = 0, values = new Float32Array() } = embeddings ?? {};
  let text = "";
  for (const [i, id] of ids.entries()) {
    const embedding = Array.from(values.subarray(i * dimension, (i + 1) * dimension));
    const line: Line = { id, text_chunk: documents?.[i] ?? null, embedding, metadata: metadatas?.[i] ?? null, uri: uris?.[i] ?? null };
    text += `${JSON.stringify(line)}\n`;
    await slice.tick();
  }
  return text;
}

/** The collection of this name, or the only one. All of it is read once before it is given: one that is cut is refused here. */
export async function readFile(file: CopyFile, name?: string): Promise<CopySource> {
  const found = (await readFiles(file)).filter(({ described }) => name === undefined || described.name === name);
  const [only, ...others] = found;
  if (only === undefined) throw new TidepoolError("NOT_FOUND", `The file has no collection ${name === undefined ? "" : `[${name}]`}`);
  if (others.length > 0) throw invalidArgument(`from.name must say which of the ${found.length} collections of the file is meant`);
  return only;
}

/** All collections of the file, proven to be whole. */
export async function readFiles(file: CopyFile): Promise<CopySource[]> {
  const blob = file instanceof Blob ? file : new Blob([file]);
  const sources: CopySource[] = [];
  const lines = linesIn(blob);
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    const head = headOf(line.value);
    const first = sources.length;
    sources.push(sourceOf(blob, head, first));
    const digest = new ContentDigest();
    for await (const page of pagesOf(lines, head.count)) await digest.add(page);
    const { value, done } = await lines.next();
    if (done || (parse(value) as { end?: unknown }).end !== (await digest.end())) throw cut(`collection [${head.name}] is cut or changed`);
  }
  return sources;
}

function sourceOf(blob: Blob, head: Head, index: number): CopySource {
  return {
    described: head,
    count: head.count,
    async *pages(from, signal) {
      const lines = linesIn(blob);
      for (let at = 0; at < index; at++) await skip(lines);
      headOf((await lines.next()).value!);
      for (let at = 0; at < from; at++) await lines.next();
      for await (const page of pagesOf(lines, head.count - from)) {
        if (signal?.aborted) throw aborted(signal);
        yield page;
      }
      await lines.return();
    },
    end: async () => undefined,
  };
}

/** Passes over a collection. */
async function skip(lines: AsyncGenerator<string, void, undefined>): Promise<void> {
  const { count } = headOf((await lines.next()).value!);
  for (let line = 0; line <= count; line++) await lines.next();
}

async function* pagesOf(lines: AsyncGenerator<string, void, undefined>, count: number): AsyncGenerator<RecordColumns, void, undefined> {
  for (let at = 0; at < count; at += RECORDS_AT_ONCE) {
    const rows: Line[] = [];
    const slice = new Slice();
    while (rows.length < Math.min(RECORDS_AT_ONCE, count - at)) {
      const { value, done } = await lines.next();
      if (done) throw cut("it ends too early");
      rows.push(readLine(value));
      await slice.tick();
    }
    yield columnsOf(rows);
  }
}

function columnsOf(rows: readonly Line[]): RecordColumns {
  const dimension = rows[0]!.embedding.length;
  const values = new Float32Array(rows.length * dimension);
  for (const [i, { embedding }] of rows.entries()) {
    if (embedding.length !== dimension) throw cut("its vectors have different lengths");
    values.set(embedding, i * dimension);
  }
  return {
    ids: rows.map(({ id }) => id),
    documents: rows.map(({ text_chunk }) => text_chunk),
    metadatas: rows.map(({ metadata }) => metadata),
    uris: rows.map(({ uri }) => uri),
    embeddings: { dimension, values },
  };
}

async function* linesIn(blob: Blob): AsyncGenerator<string, void, undefined> {
  const reader = blob.stream().pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== "") throw cut("its last line has no end");
  } finally {
    await reader.cancel();
  }
}

function headOf(line: string): Head {
  const head = parse(line) as Partial<Head>;
  if (head["tidepool-copy"] === undefined) throw invalidArgument("from.file is no file of copyCollection or copyDatabase");
  if (head["tidepool-copy"] > FORMAT) throw new TidepoolError("FORMAT_TOO_NEW", "The file was written by a newer release");
  return head as Head;
}

function readLine(text: string): Line {
  const line = parse(text) as Partial<Line>;
  if (typeof line.id !== "string" || !Array.isArray(line.embedding)) throw cut(`${JSON.stringify(text.slice(0, 60))} is no record`);
  return line as Line;
}

function parse(line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below: it is no JSON.
  }
  throw cut(`${JSON.stringify(line.slice(0, 60))} is no line of it`);
}

function cut(why: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `The file cannot be copied from: ${why}`);
}
