/** Reads the command line, runs the command, and says how it went. */
import { parseArgs } from "node:util";
import { VERSION } from "../version.js";
import { EXIT, Failure, UsageError } from "./cli-error.js";
import type { Command, CommandContext } from "./command.js";
import { copy } from "./copy.js";
import { inspect } from "./inspect.js";
import { publish } from "./publish.js";
import { exportRecords, importRecords } from "./records.js";
import { serve } from "./serve.js";
import { verify } from "./verify.js";

const commands: Readonly<Record<string, Command>> = { verify, inspect, copy, export: exportRecords, import: importRecords, publish, serve };

const everywhere = {
  json: { type: "boolean", help: "say it as JSON, for programs" },
  help: { type: "boolean", short: "h", help: "say this" },
} as const;

/** Runs what these arguments ask for, and resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--version" || name === "-v") return say(VERSION);
  if (name === undefined || name === "--help" || name === "-h" || name === "help")
    return say(helpOfAll(), name === undefined ? EXIT.usage : EXIT.fine);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    return complain(`There is no command ${JSON.stringify(name)}; tidepool-db --help tells which there are`, EXIT.usage);
  let isJson = rest.includes("--json");
  try {
    const { values, positionals } = read(command, rest);
    isJson = values["json"] === true;
    if (values["help"] === true) return say(helpOf(name, command));
    checkCount(command, positionals);
    return await run(command, positionals, values, isJson);
  } catch (error) {
    return failed(error, name, isJson);
  }
}

function read(command: Command, rest: string[]): { values: CommandContext["options"]; positionals: string[] } {
  try {
    return parseArgs({ args: rest, options: { ...command.options, ...everywhere }, allowPositionals: true }) as never;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function checkCount({ args }: Command, given: readonly string[]): void {
  const needed = args.filter((arg) => !arg.startsWith("[")).length;
  if (given.length < needed) throw new UsageError(`${args[given.length]} is missing`);
  if (given.length > args.length) throw new UsageError(`${JSON.stringify(given[args.length])} is one argument too many`);
}

async function run(command: Command, args: string[], options: CommandContext["options"], isJson: boolean): Promise<number> {
  const interruption = new AbortController();
  const deferred: (() => Promise<void> | void)[] = [];
  const interrupt = (): void => interruption.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
  const showsProgress = process.stderr.isTTY && !isJson;
  const clear = showsProgress ? "\r\x1b[K" : "";
  try {
    await command.run({
      args,
      options,
      signal: interruption.signal,
      print: (text, value) => process.stdout.write(`${clearOn(clear)}${isJson ? JSON.stringify(value) : text}\n`),
      progress: (text) => void (showsProgress && process.stderr.write(`${clear}${text}`)),
      defer: (work) => void deferred.unshift(work),
    });
    return EXIT.fine;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    complain(`interrupted${goOn(error)}`, EXIT.interrupted);
    return EXIT.interrupted;
  } finally {
    if (showsProgress) process.stderr.write(clear);
    for (const work of deferred) await work();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
  }
}

/** The line on which progress is told is cleared before something else is said. */
function clearOn(clear: string): string {
  process.stderr.write(clear);
  return "";
}

/** An import that was interrupted says where to go on. */
function goOn(error: unknown): string {
  const row = (error as { details?: { nextRow?: number } } | null)?.details?.nextRow;
  return row === undefined ? "" : `; --start-at ${row} goes on`;
}

function failed(error: unknown, name: string, isJson: boolean): number {
  if (error instanceof Failure) return EXIT.failed;
  const { message } = error as Error;
  if (error instanceof UsageError) return complain(`${message}; tidepool-db ${name} --help tells more`, EXIT.usage);
  const { code = "INTERNAL", details } = error as { code?: string; details?: object };
  if (isJson) process.stdout.write(`${JSON.stringify({ error: { code, message, details } })}\n`);
  complain(`${code}: ${message}`, EXIT.failed);
  return code === "INVALID_ARGUMENT" ? EXIT.usage : EXIT.failed;
}

function say(text: string, code: number = EXIT.fine): number {
  (code === EXIT.fine ? process.stdout : process.stderr).write(`${text}\n`);
  return code;
}

function complain(message: string, code: number): number {
  process.stderr.write(`tidepool-db: ${message}\n`);
  return code;
}

function helpOfAll(): string {
  const lines = Object.entries(commands).map(([name, { args, summary }]) => `  ${`${name} ${usage(args)}`.padEnd(28)} ${summary}`);
  return `tidepool-db ${VERSION}: databases of Tidepool as files

A source is the directory of a database, a file that client.backup() has written, or the address of a Chroma server.

${lines.join("\n")}

tidepool-db <command> --help tells its options. Exit codes: 0 fine, 1 failed or damaged, 2 wrong usage, 130 interrupted.`;
}

function helpOf(name: string, { args, summary, options, notes }: Command): string {
  const all: Command["options"] = { ...options, ...everywhere };
  const lines = Object.entries(all).map(([option, { type, short, help }]) => {
    const names = short === undefined ? `--${option}` : `-${short}, --${option}`;
    return `  ${`${names}${type === "string" ? " <value>" : ""}`.padEnd(28)} ${help}`;
  });
  return [`tidepool-db ${name} ${usage(args)}: ${summary}`, lines.join("\n"), ...(notes ? [notes] : [])].join("\n\n");
}

function usage(args: readonly string[]): string {
  return args.map((arg) => (arg.startsWith("[") ? arg : `<${arg}>`)).join(" ");
}
