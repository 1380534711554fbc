/** What a command is, and what it is given. */
import type { ParseArgsConfig } from "node:util";

export interface CommandContext {
  /** Arguments that are no options, as many as `args` names, but for those in brackets. */
  args: readonly string[];
  options: Readonly<Record<string, string | boolean | string[] | undefined>>;
  /** Fires on Ctrl-C, and when the process is asked to end. */
  signal: AbortSignal;
  /** Says what was asked for: text for people, or, with --json, the value. */
  print(text: string, value: unknown): void;
  /** Says on the terminal how far it is; nothing where there is none. */
  progress(text: string): void;
  /** Done when the command has ended, however it has. */
  defer(work: () => Promise<void> | void): void;
}

export interface Command {
  /** Names of the arguments, those that may be left out in brackets. */
  args: readonly string[];
  summary: string;
  /** Each option with what it says of itself in the help. */
  options: Readonly<Record<string, NonNullable<ParseArgsConfig["options"]>[string] & { help: string }>>;
  /** What else people should know. */
  notes: string;
  run(context: CommandContext): Promise<void>;
}

export function textOption(context: CommandContext, name: string): string | undefined {
  return context.options[name] as string | undefined;
}

export function isGiven(context: CommandContext, name: string): boolean {
  return context.options[name] === true;
}
