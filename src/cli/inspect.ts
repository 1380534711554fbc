/** `inspect`: what a database holds. */
import { TidepoolClient } from "tidepool-db";
import { askAs } from "../api/rest/ask.js";
import type { Command, CommandContext } from "./command.js";
import { ABOUT_SERVERS, openSource, type Source, serverOptions } from "./open-source.js";

export const inspect: Command = {
  args: ["source"],
  summary: "tell which databases and collections there are, and what is in them",
  options: serverOptions,
  notes: `Of a directory or a backup file all databases are told, of a server one. ${ABOUT_SERVERS}`,
  run: runInspect,
};

async function runInspect(context: CommandContext): Promise<void> {
  const source = await openSource(context, context.args[0]!);
  if (source.kind === "server") return inspectServer(context, source);
  const { client, kind, fileBytes } = source;
  const { collections: all } = await askAs(client, null)("verifyCatalog");
  const collections: CollectionFacts[] = [];
  for (const { tenant, database, name } of all) {
    const scope = new TidepoolClient({ client, tenant, database });
    collections.push(await factsOf(await scope.getCollection({ name, embeddingFunction: null })));
  }
  const { formatVersion, records, logBytes, blockBytesUsed } = await client.info();
  const facts = { source: kind, fileBytes, formatVersion, records, logBytes, blockBytes: blockBytesUsed, collections };
  context.print(textOf(facts), facts);
}

/** Collections that are listed at once. */
const LISTED_AT_ONCE = 100;

async function inspectServer(context: CommandContext, { client, kind }: Source): Promise<void> {
  const collections: CollectionFacts[] = [];
  let page: Collection[];
  do {
    page = await client.listCollections({ limit: LISTED_AT_ONCE, offset: collections.length });
    for (const collection of page) collections.push(await factsOf(collection));
  } while (page.length === LISTED_AT_ONCE);
  const records = collections.reduce((sum, { count }) => sum + count, 0);
  const head = `server: ${collections.length} collections, ${records} records`;
  context.print([head, ...collections.map(lineOf)].join("\n"), { source: kind, records, collections });
}

type Collection = Awaited<ReturnType<TidepoolClient["getCollection"]>>;
type CollectionFacts = Awaited<ReturnType<typeof factsOf>>;

async function factsOf(collection: Collection) {
  const { id, name, tenant, database, dimension = null, metadata = null, configuration, schema } = collection;
  return { tenant, database, name, id, count: await collection.count(), dimension, metadata, configuration, schema };
}

function textOf(facts: {
  source: string;
  fileBytes: number | null;
  formatVersion: number;
  records: number;
  logBytes: number;
  blockBytes: number;
  collections: CollectionFacts[];
}): string {
  const { source, fileBytes, formatVersion, records, logBytes, blockBytes, collections } = facts;
  const size = fileBytes === null ? `${bytesText(blockBytes)} of blocks, ${bytesText(logBytes)} of log` : bytesText(fileBytes);
  const head = `${source}, format ${formatVersion}: ${collections.length} collections, ${records} records, ${size}`;
  return [head, ...collections.map(lineOf)].join("\n");
}

function lineOf({ tenant, database, name, count, dimension, configuration, schema }: CollectionFacts): string {
  const embedding =
    (configuration as { embedding_function?: { name?: string } | null }).embedding_function?.name ?? "no embedding function";
  const keys = Object.keys((schema as { keys?: object } | undefined)?.keys ?? {}).filter((key) => !key.startsWith("#"));
  const vectors = dimension === null ? "no embeddings yet" : `${dimension} dimensions`;
  return `${tenant}/${database}/${name}: ${count} records, ${vectors}, ${embedding}${keys.length > 0 ? `, keys ${keys.join(" ")}` : ""}`;
}

export function bytesText(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
