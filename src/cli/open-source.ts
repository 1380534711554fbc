/**
 * What a command is asked to look at: the directory of a database, or a file that `backup` has written. A file is restored into a
 * directory for the time of the command, so that it needs no more memory than the database does; the file itself is only read.
 */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TidepoolError } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import { UsageError } from "./cli-error.js";
import type { CommandContext } from "./command.js";

export interface Source {
  kind: "directory" | "backup";
  client: NodeClient;
  /** Of the backup file. */
  fileBytes: number | null;
}

export async function openSource(context: CommandContext, path: string, allowReset = false): Promise<Source> {
  if (kindOf(path) === "directory") {
    const client = new NodeClient({ directory: path });
    context.defer(() => client.close());
    return { kind: "directory", client, fileBytes: null };
  }
  const directory = fs.mkdtempSync(join(tmpdir(), "tidepool-"));
  const client = new NodeClient({ directory, durability: "relaxed", allowReset });
  context.defer(async () => {
    await client.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });
  const fileBytes = await restoreFile(context, client, path);
  return { kind: "backup", client, fileBytes };
}

/** Takes a backup file in; all of its checksums are compared on the way. */
export async function restoreFile(context: CommandContext, client: NodeClient, path: string): Promise<number> {
  const file = await fs.openAsBlob(path);
  const onProgress = ({ bytes }: { bytes: number }): void => context.progress(`${path}: ${percent(bytes, file.size)} read`);
  await client.restore(file, { mode: "new", signal: context.signal, onProgress });
  return file.size;
}

/** Which of the two there is at this path. */
export function kindOf(path: string): Source["kind"] {
  refuseServer(path);
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`There is nothing at ${path}`);
  if (stat.isFile()) return "backup";
  if (hasDatabase(path)) return "directory";
  throw new TidepoolError("NOT_FOUND", `There is no database in ${path}`);
}

export function hasDatabase(directory: string): boolean {
  return fs.readdirSync(directory).some((name) => /^journal-\d+$/.test(name));
}

export function refuseServer(path: string): void {
  if (/^https?:\/\//i.test(path))
    throw new TidepoolError("NOT_SUPPORTED", `${path} is a server: this command takes directories and backup files`);
}

export function percent(done: number, total: number): string {
  return `${total === 0 ? 100 : Math.floor((100 * done) / total)} %`;
}
