/**
 * Options of the providers' functions: checked where they are given, told in the names that Chroma's packages store, and read from
 * there again. A class has one table that says which option is stored under which name.
 */
import { invalidArgument, show } from "../core/errors.js";

/** What an option must be; with "!" it must be given. */
export type Kind = "text" | "text!" | "text or null" | "count" | "retries" | "flag" | "key" | "headers" | "any";

/** Of each option what it must be, and under which name it is stored, if it is. */
export type OptionTable = Readonly<Record<string, readonly [kind: Kind, stored?: string]>>;

/** A table that has every option. */
export type TableOf<Options> = { readonly [Name in keyof Options]-?: OptionTable[string] };

/** Throws unless all options are in the table, and of the right kinds. */
export function checkOptions<Options extends object>(given: Options, call: string, table: OptionTable): void {
  for (const name of Object.keys(given)) {
    if (!(name in table)) throw invalidArgument(`${call} has no option ${show(name)}; it takes ${Object.keys(table).join(", ")}`);
  }
  for (const [name, [kind]] of Object.entries(table) as [keyof Options & string, OptionTable[string]][])
    checkKind(given[name], kind, name, call);
}

/** The options with what counts where they say nothing. */
export function withDefaults<Options extends object>(
  given: Options,
  defaults: (given: Options) => Partial<Options>,
  call: string,
): Options {
  if (typeof given !== "object" || given === null) throw invalidArgument(`The options of ${call} must be an object, got ${show(given)}`);
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults(given), ...Object.fromEntries(said) } as Options;
}

const tests: Record<Kind, [allowed: string, test: (value: unknown) => boolean]> = {
  text: ["a text with something in it", (value) => value === undefined || isText(value)],
  "text or null": ["a text with something in it, or null", (value) => value == null || isText(value)],
  "text!": ["a text with something in it", isText],
  count: ["a whole number from 1", (value) => value === undefined || isWhole(value, 1)],
  retries: ["a whole number from 0", (value) => value === undefined || isWhole(value, 0)],
  key: ["a text, a function or null", (value) => value == null || typeof value === "string" || typeof value === "function"],
  headers: ["an object of texts", (value) => value === undefined || Object.values(value ?? [0]).every((text) => typeof text === "string")],
  flag: ["true or false", (value) => value === undefined || typeof value === "boolean"],
  any: ["", () => true],
};

function checkKind(value: unknown, kind: Kind, name: string, call: string): void {
  const [allowed, test] = tests[kind];
  if (test(value)) return;
  // A key is shown to nobody.
  throw invalidArgument(`${name} of ${call} must be ${allowed}, got ${kind === "key" ? typeof value : show(value)}`);
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

/** What is stored of the options, in the order of the table. What is not said is left out. */
export function storedOptions<Options extends object>(options: Options, table: OptionTable): Record<string, unknown> {
  const stored: Record<string, unknown> = {};
  for (const [name, [kind, key]] of Object.entries(table) as [keyof Options, OptionTable[string]][]) {
    const value = options[name];
    if (key === undefined || value === undefined || (value === null && kind === "text or null")) continue;
    stored[key] = value;
  }
  return stored;
}

/** The options that were stored, here or by a package of Chroma. What they say that nobody here could follow is refused. */
export function restoredOptions<Options extends object>(
  config: object,
  call: string,
  table: OptionTable,
  hasNoEffect: (key: string, value: unknown) => boolean = () => false,
): Options {
  const names = new Map(Object.entries(table).map(([name, [, key]]) => [key, name]));
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    // Python's packages write null for what is not set.
    if (value === null || value === undefined || hasNoEffect(key, value)) continue;
    const name = names.get(key);
    if (name === undefined) throw invalidArgument(`The stored configuration of ${call} has ${key} ${show(value)}, which it cannot follow`);
    options[name] = value;
  }
  return options as Options;
}
