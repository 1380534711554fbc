/**
 * `collection.export`: the records of one moment as bytes in one of three formats. The engine keeps the moment (`RecordPages`); here
 * its pages are written, one at a time, as fast as the stream is read. Loaded when it is first called.
 */
import { invalidArgument, show } from "../../core/errors.js";
import { validateFunction, validateInclude } from "../../core/gateway/validate/values.js";
import type { IncludeField } from "../../core/types.js";
import { readCallLimits } from "../call-limits.js";
import type { Connection } from "../connection.js";
import type { ByteSource } from "../lazy-stream.js";
import { part } from "../part.js";
import { readArguments, readObject } from "../read-arguments.js";
import { readSelection } from "../read-requests.js";
import type { ExportArguments, ExportFormat } from "./export-arguments.js";
import { RecordPages, type WriteRecords } from "./record-pages.js";
import { untilEnded } from "./until-ended.js";

const ALL: IncludeField[] = ["documents", "embeddings", "metadatas", "uris"];

const WRITERS: { readonly [F in ExportFormat]: () => Promise<WriteRecords> } = {
  jsonl: async () => (await part(import("./write-json-lines.js"))).writeJsonLines,
  arrow: async () => (await part(import("./write-arrow.js"))).writeArrow,
  parquet: async () => (await part(import("./write-parquet.js"))).writeParquet,
};

/**
 * Has the engine keep the selected records as they are now, and writes them as they are asked for.
 *
 * @internal
 */
export async function exportRecords(
  connection: Connection,
  source: { collectionId: string; version: number | undefined },
  args: ExportArguments,
): Promise<ByteSource> {
  const { format, selection, include, signal, onProgress } = readArguments("export", () => readExport(args));
  const pages = await RecordPages.begin(connection, { ...source, ...selection }, signal);
  try {
    const bytes = (await WRITERS[format]())(pages, include, onProgress);
    return untilEnded(bytes, () => pages.end());
  } catch (error) {
    await pages.end();
    throw error;
  }
}

function readExport(args: ExportArguments) {
  const given = readObject(args, "export", "format where whereDocument include signal onProgress");
  const { format, where, whereDocument, include = ALL, onProgress } = given;
  if (typeof format !== "string" || !Object.hasOwn(WRITERS, format)) {
    throw invalidArgument(`format must be one of ${Object.keys(WRITERS).map(show).join(", ")}, got ${show(format)}`);
  }
  validateInclude(include, "distances");
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  const { signal } = readCallLimits(given.signal === undefined ? {} : { signal: given.signal });
  return { format, selection: readSelection({ where, whereDocument }), include: [...include], signal, onProgress };
}
