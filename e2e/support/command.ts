/** The command `tidepool-db` of the built package, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

export const command = join(dirname(createRequire(import.meta.url).resolve("tidepool-db")), "cli.js");

/** `temporary`: the folder in which it puts what it needs for a while. */
export function begin(args: readonly string[], temporary: string): ChildProcess {
  return spawn(process.execPath, [command, ...args], { env: { ...process.env, CHROMA_API_KEY: "", TMPDIR: temporary } });
}

export interface Serving {
  url: string;
  /** Ctrl-C; its exit code. */
  end(): Promise<number>;
}

/** `tidepool-db serve` at a port that is free. */
export async function serving(args: readonly string[], temporary: string): Promise<Serving> {
  const child = begin(["serve", ...args, "--port", "0", "--json"], temporary);
  const first = await createInterface({ input: child.stdout! })[Symbol.asyncIterator]().next();
  const end = async (): Promise<number> => {
    const exited = once(child, "exit");
    child.kill("SIGINT");
    return ((await exited) as [number])[0];
  };
  return { url: JSON.parse(first.value as string).url, end };
}
