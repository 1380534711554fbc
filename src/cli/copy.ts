/** `copy`: a database whole, between directories, backup files and servers. */
import fs from "node:fs";
import { extname } from "node:path";
import type { TidepoolClient } from "tidepool-db";
import { copyDatabase } from "tidepool-db/copy";
import { NodeClient } from "tidepool-db/node";
import { UsageError } from "./cli-error.js";
import { type Command, type CommandContext, isGiven } from "./command.js";
import {
  ABOUT_SERVERS,
  hasDatabase,
  isServer,
  kindOf,
  openScratch,
  openServer,
  openSource,
  percent,
  restoreFile,
  serverOptions,
} from "./open-source.js";
import { writeFile } from "./write-file.js";

const { tenant, database, header } = serverOptions;

export const copy: Command = {
  args: ["from", "to"],
  summary: "copy a whole database between directories, backup files and servers",
  options: {
    versions: { type: "boolean", help: "take earlier versions that are retained along" },
    force: { type: "boolean", help: "replace a file that is there already" },
    ...serverOptions,
    "to-tenant": { ...tenant, help: `of the server that is copied to: ${tenant.help}` },
    "to-database": { ...database, help: `of the server that is copied to: ${database.help}` },
    "to-header": { ...header, help: `of the server that is copied to: ${header.help}` },
  },
  notes: `"to" is a directory where it is one already, ends in a slash, or has no extension; else a backup file. A directory must hold no
database, a file not be there. It is complete when the command ends well; until then there is nothing at its name.

From or to a server one database is copied, collection by collection, each whole or not there; here it is
default_tenant/default_database. The same command goes on with a copy to a server that was interrupted.
${ABOUT_SERVERS}`,
  run: runCopy,
};

async function runCopy(context: CommandContext): Promise<void> {
  const [from, to] = context.args as [string, string];
  const kind = kindOf(from);
  if ((isServer(from) || isServer(to)) && isGiven(context, "versions"))
    throw new UsageError("--versions is for directories and backup files: a server keeps no versions");
  if (isServer(to)) await toServer(context, from, to);
  else if (isDirectory(to)) await toDirectory(context, kind, from, to);
  else await toFile(context, kind, from, to);
  context.print(`${from} copied to ${to}`, { from, to });
}

function isDirectory(to: string): boolean {
  return fs.statSync(to, { throwIfNoEntry: false })?.isDirectory() ?? (/[/\\]$/.test(to) || extname(to) === "");
}

async function toServer(context: CommandContext, from: string, to: string): Promise<void> {
  const target = openServer(context, to, "to-");
  const { client } = await openSource(context, from);
  await copyAll(context, client, target);
}

async function copyAll(context: CommandContext, from: TidepoolClient, to: TidepoolClient): Promise<void> {
  const onProgress = ({ collection, phase, done, total }: { collection: string; phase: string; done: number; total: number }): void =>
    context.progress(`${collection}: ${percent(done, total)} ${phase === "copying" ? "copied" : "verified"}`);
  await copyDatabase({ from: { client: from }, to: { client: to }, signal: context.signal, onProgress });
}

async function toFile(context: CommandContext, kind: string, from: string, to: string): Promise<void> {
  if (kind === "backup") throw new UsageError(`${from} is a backup file already: copy it as any file`);
  await writeFile(context, to, backupOf(context, from, kind === "server" ? await fetched(context, from) : openDirectory(context, from)));
}

/** What a server's database holds. */
async function fetched(context: CommandContext, from: string): Promise<NodeClient> {
  const client = openScratch(context);
  await copyAll(context, openServer(context, from), client);
  return client;
}

function openDirectory(context: CommandContext, directory: string): NodeClient {
  const client = new NodeClient({ directory });
  context.defer(() => client.close());
  return client;
}

function backupOf(context: CommandContext, from: string, client: NodeClient): ReadableStream<Uint8Array> {
  const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number | null }): void =>
    context.progress(`${from}: ${percent(bytes, totalBytes ?? bytes)} copied`);
  return client.backup({ versions: isGiven(context, "versions"), signal: context.signal, onProgress });
}

/** What was made for a copy that fails goes again. */
async function toDirectory(context: CommandContext, kind: string, from: string, to: string): Promise<void> {
  const isNew = !fs.existsSync(to);
  if (!isNew && hasDatabase(to)) throw new UsageError(`There is a database in ${to} already`);
  const client = new NodeClient({ directory: to });
  let isDone = false;
  context.defer(async () => {
    await client.close();
    if (isNew && !isDone) fs.rmSync(to, { recursive: true, force: true });
  });
  if (kind === "backup") await restoreFile(context, client, from);
  else {
    const source = kind === "server" ? await fetched(context, from) : openDirectory(context, from);
    await client.restore(backupOf(context, from, source), { mode: "new", signal: context.signal });
  }
  isDone = true;
}
