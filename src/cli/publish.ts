/** `publish`: a database as files that any web host serves. */
import type { NodeClient } from "tidepool-db/node";
import { UsageError } from "./cli-error.js";
import { type Command, type CommandContext, textOption } from "./command.js";
import { bytesText } from "./inspect.js";
import { kindOf, openSource, percent } from "./open-source.js";

export const publish: Command = {
  args: ["source", "directory"],
  summary: "write a database as files that any web host serves",
  options: { "file-bytes": { type: "string", help: "the longest file, in bytes, for hosts that take no longer ones; default 1 GiB" } },
  notes:
    "Publishing into the same directory again writes what is new. Upload tidepool.json last. A client reads it as " +
    'new TidepoolClient({ source: "https://…" }).',
  run: runPublish,
};

async function runPublish(context: CommandContext): Promise<void> {
  const [from, to] = context.args as [string, string];
  if (kindOf(from) === "server") throw new UsageError(`${from} is a server: copy it into a directory first`);
  const fileBytesMax = readBytes(textOption(context, "file-bytes"));
  const { client } = await openSource(context, from);
  const report = await (client as NodeClient).publish(to, {
    fileBytesMax,
    signal: context.signal,
    onProgress: ({ bytes, totalBytes }) => context.progress(`${percent(bytes, totalBytes)} published`),
  });
  const { collections, records, bytes, bytesWritten, files } = report;
  const counted = `${records} records in ${collections} collections, ${files.length} files, ${bytesText(bytes)}`;
  context.print(`${to} has ${counted}, of which ${bytesText(bytesWritten)} were written`, report);
}

function readBytes(text: string | undefined): number | undefined {
  if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new UsageError(`--file-bytes must be a number of bytes, got ${JSON.stringify(text)}`);
}
