/**
 * What a command is asked to look at: the directory of a database, a file that `backup` has written, or a Chroma server. A file is
 * restored into a directory for the time of the command, so that it needs no more memory than the database does; the file itself is
 * only read.
 */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TidepoolClient, TidepoolError } from "tidepool-db";
import { NodeClient } from "tidepool-db/node";
import { UsageError } from "./cli-error.js";
import { type CommandContext, textOption } from "./command.js";

export interface Source {
  kind: "directory" | "backup" | "server";
  /** Of a server: for the database that was named. */
  client: TidepoolClient;
  /** Of the backup file. */
  fileBytes: number | null;
}

/** Which database of a server, and as whom. */
export const serverOptions = {
  tenant: { type: "string", help: 'the tenant; default "default_tenant", or that of the key' },
  database: { type: "string", help: 'the database; default "default_database", or that of the key' },
  header: { type: "string", multiple: true, help: 'sent to the server with each request, as "name: value"; may be given again' },
} as const;

export const ABOUT_SERVERS =
  "A server is an address, such as http://localhost:8000. The key for Chroma Cloud is read from CHROMA_API_KEY, and sent to nobody else.";

export async function openSource(context: CommandContext, path: string, allowReset = false): Promise<Source> {
  const kind = kindOf(path);
  if (kind === "server") return { kind, client: openServer(context, path), fileBytes: null };
  if (kind === "directory") {
    const client = new NodeClient({ directory: path });
    context.defer(() => client.close());
    return { kind, client, fileBytes: null };
  }
  const client = openScratch(context, allowReset);
  return { kind, client, fileBytes: await restoreFile(context, client, path) };
}

/** A database that is there for the time of the command. */
export function openScratch(context: CommandContext, allowReset = false): NodeClient {
  const directory = fs.mkdtempSync(join(tmpdir(), "tidepool-"));
  const client = new NodeClient({ directory, durability: "relaxed", allowReset });
  context.defer(async () => {
    await client.close();
    fs.rmSync(directory, { recursive: true, force: true });
  });
  return client;
}

/** Takes a backup file in; all of its checksums are compared on the way. */
export async function restoreFile(context: CommandContext, client: NodeClient, path: string): Promise<number> {
  const file = await fs.openAsBlob(path);
  const onProgress = ({ bytes }: { bytes: number }): void => context.progress(`${path}: ${percent(bytes, file.size)} read`);
  await client.restore(file, { mode: "new", signal: context.signal, onProgress });
  return file.size;
}

/** Which of the three there is at this place. */
export function kindOf(path: string): Source["kind"] {
  if (isServer(path)) return "server";
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`There is nothing at ${path}`);
  if (stat.isFile()) return "backup";
  if (hasDatabase(path)) return "directory";
  throw new TidepoolError("NOT_FOUND", `There is no database in ${path}`);
}

export function hasDatabase(directory: string): boolean {
  return fs.readdirSync(directory).some((name) => /^journal-\d+$/.test(name));
}

export const isServer = (path: string): boolean => /^https?:\/\//i.test(path);

/** `prefix` stands before the options that say which database and as whom. */
export function openServer(context: CommandContext, url: string, prefix: "" | "to-" = ""): TidepoolClient {
  const option = `${prefix}header`;
  const headers = Object.fromEntries(((context.options[option] ?? []) as string[]).map((text) => readHeader(text, option)));
  const apiKey = isChromaCloud(url) ? process.env["CHROMA_API_KEY"] || undefined : undefined;
  const [tenant, database] = [textOption(context, `${prefix}tenant`), textOption(context, `${prefix}database`)];
  const client = new TidepoolClient({ remote: { url, headers, apiKey, tenant, database } });
  context.defer(() => client.close());
  return client;
}

/** The key is for nobody else. */
function isChromaCloud(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" && /(?:^|\.)trychroma\.com$/.test(hostname);
}

function readHeader(text: string, option: string): [name: string, value: string] {
  const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--${option} must be "name: value", got ${JSON.stringify(text)}`);
  return [name, value!];
}

export function percent(done: number, total: number): string {
  return `${total === 0 ? 100 : Math.floor((100 * done) / total)} %`;
}
