/**
 * The right to run the engine of a directory: a file in it whose name says which process has it. Whoever wants it first announces
 * itself by such a file, and looks for others after that: of two who come at once at least one sees the other, and both may step
 * back and try again. Each file is removed by whoever made it, or by one who finds that its process is gone; since no name is made
 * twice, nobody removes the file of another who lives.
 *
 * A process is told from a later one of its number by when it began, where the system tells that (Linux). What another machine or
 * container has made cannot be looked after from here, and counts as alive.
 */
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { TidepoolError } from "../../core/errors.js";
import { removeFile, syncDirectory } from "./disk-directory.js";
import { onDisk } from "./disk-error.js";

const namePattern = /^lock-([0-9a-f]{16})-(\d+)-([0-9a-f]{1,16})-[0-9a-f]{16}$/;

/** A name for a lock of this process, which was never used before. */
export function newLockName(): string {
  return `lock-${machine()}-${process.pid}-${beginningOf(process.pid)}-${randomBytes(8).toString("hex")}`;
}

/** Takes the lock of this name. Rejects with `LOCKED` where another has one and does not let go of it within `waitMs`. */
export async function lockDirectory(directory: string, name: string, waitMs: number): Promise<void> {
  for (let waitedMs = 0, delayMs = 5 + Math.random() * 10; ; waitedMs += delayMs, delayMs *= 1.5 + Math.random()) {
    announce(directory, name);
    const other = othersIn(directory, name)[0];
    if (other === undefined) return;
    unlockDirectory(directory, name);
    if (waitedMs + delayMs > waitMs) throw locked(directory, other);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

/** Gives it back. What is gone already is no failure. */
export function unlockDirectory(directory: string, name: string): void {
  removeFile(join(directory, name));
}

function announce(directory: string, name: string): void {
  const path = join(directory, name);
  onDisk(`lock the directory ${directory}`, () => fs.closeSync(fs.openSync(path, "wx")));
  syncDirectory(directory);
}

/** Locks of others who live, or may; those of the dead are removed. */
function othersIn(directory: string, own: string): string[] {
  const names = onDisk(`list the directory ${directory}`, () => fs.readdirSync(directory));
  return names.filter((name) => {
    const [, where, pid, began] = namePattern.exec(name) ?? [];
    if (where === undefined || name === own) return false;
    if (where !== machine() || isAlive(Number(pid), began!)) return true;
    removeFile(join(directory, name));
    return false;
  });
}

function isAlive(pid: number, began: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: string }).code === "ESRCH") return false;
  }
  return beginningOf(pid) === began;
}

/** Where the numbers of processes mean the same: a machine and, on Linux, a container on it. */
function machine(): string {
  return createHash("sha256")
    .update(`${hostname()} ${linkOf("/proc/self/ns/pid")}`)
    .digest("hex")
    .slice(0, 16);
}

/** When a process began, as the system counts it, "0" where it does not say. The 22nd field, after a name that may have spaces. */
function beginningOf(pid: number): string {
  const began = textOf(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ")[19];
  if (began === undefined) return "0";
  return createHash("sha256")
    .update(`${textOf("/proc/sys/kernel/random/boot_id")} ${began}`)
    .digest("hex")
    .slice(0, 16);
}

/** Empty where the system has no such file. */
function textOf(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return "";
  }
}

/** Where the end of a process cannot be told from here, somebody has to. */
function locked(directory: string, name: string): TidepoolError {
  const [, where, pid, began] = namePattern.exec(name)!;
  const isHere = where === machine();
  const who = isHere ? `Process ${pid}` : `A process of another machine or container, with the number ${pid} there,`;
  const remedy = isHere && began !== "0" ? "" : `; if that process is certainly gone, remove the file ${name}`;
  const message = `${who} has the database in ${directory} open: close it there${remedy}`;
  return new TidepoolError("LOCKED", message, { details: { directory, pid: Number(pid), file: name } });
}
