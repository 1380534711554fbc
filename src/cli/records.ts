/** `export` and `import`: the records of one collection, as files. */
import fs from "node:fs";
import { Readable } from "node:stream";
import { type Collection, type IncludeField, TidepoolClient, type Where } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import { Failure, UsageError } from "./cli-error.js";
import { type Command, type CommandContext, isGiven, textOption } from "./command.js";
import { ABOUT_SERVERS, isServer, kindOf, openServer, openSource, percent, type Source, serverOptions } from "./open-source.js";
import { writeFile, writeOut } from "./write-file.js";

const scope = { collection: { type: "string", short: "c", help: "name of the collection" }, ...serverOptions } as const;

export const exportRecords: Command = {
  args: ["source", "[file]"],
  summary: "write the records of a collection to a file, or to standard output",
  options: {
    ...scope,
    format: { type: "string", short: "f", help: "jsonl, arrow or parquet; default: by the file's extension, else jsonl" },
    include: { type: "string", help: "which of documents,embeddings,metadatas,uris; default: all" },
    where: { type: "string", help: "which records, as JSON" },
    force: { type: "boolean", help: "replace a file that is there already" },
  },
  notes: ABOUT_SERVERS,
  run: runExport,
};

export const importRecords: Command = {
  args: ["target", "file"],
  summary: 'read records from a file, or from standard input ("-"), into a collection',
  options: {
    ...scope,
    format: { type: "string", short: "f", help: "jsonl, json, csv, parquet, arrow or npy; default: told by the first bytes" },
    create: { type: "boolean", help: "make the collection where there is none, and the directory" },
    flatten: { type: "boolean", help: "give nested metadata dotted keys, instead of rejecting the row" },
    add: { type: "boolean", help: "reject rows whose id is there already, instead of updating them" },
    "start-at": { type: "string", help: "the first row that goes in, counted from 1" },
  },
  notes: `The target is a directory or a server. Exit code 1 where rows were rejected. What is in stays, also after Ctrl-C, and
the row to go on at is told. ${ABOUT_SERVERS}`,
  run: runImport,
};

const FORMATS = ["jsonl", "arrow", "parquet"] as const;
const IMPORTED = ["jsonl", "json", "csv", "parquet", "arrow", "npy"] as const;

async function runExport(context: CommandContext): Promise<void> {
  const [path, file] = context.args as [string, string | undefined];
  const extension = FORMATS.find((format) => file?.endsWith(`.${format}`));
  const format = oneOf(textOption(context, "format") ?? extension ?? "jsonl", FORMATS, "format");
  const include = textOption(context, "include")?.split(",") as IncludeField[] | undefined;
  const where = jsonOption(context, "where") as Where | undefined;
  const name = collectionName(context);
  const source = await openSource(context, path);
  const collection = await scoped(context, source).getCollection({ name, embeddingFunction: null });
  let records = 0;
  const onProgress = ({ done, total }: { done: number; total: number }): void => {
    records = done;
    context.progress(`${percent(done, total)} of ${total} records`);
  };
  const stream = collection.export({ format, include, where, signal: context.signal, onProgress });
  if (file === undefined) return writeOut(context, stream);
  const bytes = await writeFile(context, file, stream);
  context.print(`${records} records written to ${file}`, { file, format, records, bytes });
}

async function runImport(context: CommandContext): Promise<void> {
  const [to, file] = context.args as [string, string];
  const format = textOption(context, "format");
  const chosen = format === undefined ? undefined : oneOf(format, IMPORTED, "format");
  const startAt = countOption(context, "start-at");
  const name = collectionName(context);
  if (file !== "-" && !fs.existsSync(file)) throw new UsageError(`There is no file ${file}`);
  const collection = await target(context, to, name);
  const source = file === "-" ? (Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>) : await fs.openAsBlob(file);
  const onProgress = ({ imported }: { imported: number }): void => context.progress(`${imported} records imported`);
  const mode = isGiven(context, "add") ? "add" : "upsert";
  const metadata = isGiven(context, "flatten") ? "flatten" : undefined;
  const report = await collection.import(source, { format: chosen, startAt, mode, metadata, signal: context.signal, onProgress });
  const rejected = report.rejected.map(({ row, reason }) => `row ${row}: ${reason}`);
  context.print([...rejected, `${report.imported} records imported, ${report.rejectedCount} rows rejected`].join("\n"), report);
  if (report.rejectedCount > 0) throw new Failure();
}

async function target(context: CommandContext, to: string, name: string): Promise<Collection> {
  const create = isGiven(context, "create");
  const database = scoped(context, openTarget(context, to, create));
  return create ? database.getOrCreateCollection({ name }) : database.getCollection({ name });
}

function openTarget(context: CommandContext, to: string, create: boolean): Pick<Source, "kind" | "client"> {
  if (isServer(to)) return { kind: "server", client: openServer(context, to) };
  if (!create && kindOf(to) === "backup") throw new UsageError(`${to} is a backup file: copy it into a directory first`);
  const client = new NodeClient({ directory: to });
  context.defer(() => client.close());
  return { kind: "directory", client };
}

function scoped(context: CommandContext, { kind, client }: Pick<Source, "kind" | "client">): TidepoolClient {
  if (kind === "server") return client;
  return new TidepoolClient({ client, tenant: textOption(context, "tenant"), database: textOption(context, "database") });
}

function collectionName(context: CommandContext): string {
  const name = textOption(context, "collection");
  if (name === undefined) throw new UsageError("--collection is missing: the name of the collection");
  return name;
}

function oneOf<T extends string>(value: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new UsageError(`--${option} must be one of ${allowed.join(", ")}, got ${JSON.stringify(value)}`);
  return found;
}

function jsonOption(context: CommandContext, name: string): unknown {
  const text = textOption(context, name);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--${name} is no JSON: ${(error as Error).message}`);
  }
}

export function countOption(context: CommandContext, name: string): number | undefined {
  const text = textOption(context, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${name} must be a whole number, got ${JSON.stringify(text)}`);
  return Number(text);
}
