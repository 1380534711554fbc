/** Files that are there whole or not at all. */
import fs from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { UsageError } from "./cli-error.js";
import { type CommandContext, isGiven } from "./command.js";

/** Writes the stream under another name, syncs it, and gives it this one. Whatever goes wrong, or is interrupted, leaves nothing. */
export async function writeFile(context: CommandContext, path: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  if (fs.existsSync(path) && !isGiven(context, "force")) throw new UsageError(`${path} is there already: --force replaces it`);
  const draft = `${path}.part-${process.pid}`;
  context.defer(() => fs.rmSync(draft, { force: true }));
  await pipeline(stream as never, fs.createWriteStream(draft, { flush: true } as object), { signal: context.signal });
  const { size } = fs.statSync(draft);
  fs.renameSync(draft, path);
  return size;
}

/** To standard output, which stays open. */
export async function writeOut(context: CommandContext, stream: ReadableStream<Uint8Array>): Promise<void> {
  const out = new Writable({ write: (bytes, _, done) => void process.stdout.write(bytes, done) });
  await pipeline(stream as never, out, { signal: context.signal });
}
