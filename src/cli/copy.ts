/** `copy`: a database whole, into a backup file or out of one, or from directory to directory. */
import fs from "node:fs";
import { extname } from "node:path";
import { NodeClient } from "tidepool-db/node";
import { UsageError } from "./cli-error.js";
import { type Command, type CommandContext, isGiven } from "./command.js";
import { hasDatabase, kindOf, percent, refuseServer, restoreFile } from "./open-source.js";
import { writeFile } from "./write-file.js";

export const copy: Command = {
  args: ["from", "to"],
  summary: "copy a whole database between directories and backup files",
  options: {
    versions: { type: "boolean", help: "take earlier versions that are retained along" },
    force: { type: "boolean", help: "replace a file that is there already" },
  },
  notes: `"to" is a directory where it is one already, ends in a slash, or has no extension; else a backup file. A directory must hold no
database, a file not be there. It is complete when the command ends well; until then there is nothing at its name.`,
  run: runCopy,
};

async function runCopy(context: CommandContext): Promise<void> {
  const [from, to] = context.args as [string, string];
  const kind = kindOf(from);
  refuseServer(to);
  if (!isDirectory(to)) await toFile(context, kind, from, to);
  else await toDirectory(context, kind, from, to);
  context.print(`${from} copied to ${to}`, { from, to });
}

function isDirectory(to: string): boolean {
  return fs.statSync(to, { throwIfNoEntry: false })?.isDirectory() ?? (/[/\\]$/.test(to) || extname(to) === "");
}

async function toFile(context: CommandContext, kind: string, from: string, to: string): Promise<void> {
  if (kind === "backup") throw new UsageError(`${from} is a backup file already: copy it as any file`);
  await writeFile(context, to, backupOf(context, from));
}

function backupOf(context: CommandContext, from: string): ReadableStream<Uint8Array> {
  const client = new NodeClient({ directory: from });
  context.defer(() => client.close());
  const onProgress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number | null }): void =>
    context.progress(`${from}: ${percent(bytes, totalBytes ?? bytes)} copied`);
  return client.backup({ versions: isGiven(context, "versions"), signal: context.signal, onProgress });
}

/** A restore takes effect in one moment. What was made for it goes again where it does not. */
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
  else await client.restore(backupOf(context, from), { mode: "new", signal: context.signal });
  isDone = true;
}
