/** The processes of a browser, found by the profile that their command lines name. Written for Linux. */
import { readdir, readFile } from "node:fs/promises";

export interface Process {
  pid: number;
  /** With a space between its words. */
  commandLine: string;
}

export async function processesNaming(text: string): Promise<Process[]> {
  if (process.platform !== "linux") throw new Error("Killing a browser is written for Linux.");
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(ids.map(async (id) => ({ pid: Number(id), commandLine: await commandLineOf(id) })));
  return all.filter(({ commandLine }) => commandLine.includes(text));
}

async function commandLineOf(id: string): Promise<string> {
  const text = await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "");
  return text.replaceAll("\0", " ").trim();
}

/** Sends a signal to those of these processes that there still are. */
export function signal(pids: readonly number[], name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
  for (const pid of pids) send(pid, name);
}

export function isThere(pid: number): boolean {
  return send(pid, 0);
}

function send(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    return false;
  }
}

/** Children may outlive their group's leader for a moment, with the profile's files still open. */
export async function untilGone(profile: string): Promise<void> {
  await until(20_000, `the processes that use ${profile} to end`, async () =>
    (await processesNaming(profile)).length === 0 ? true : null,
  );
}

export async function until<T>(timeoutMs: number, what: string, probe: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== null) return value;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
