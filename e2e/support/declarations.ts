/**
 * Reads the declarations that the package ships (`dist/*.d.ts`), to tell which of its symbols and members have a comment. It
 * knows no more of the language than the compiler's output needs: a declaration begins a line, a member of a type ends with a
 * semicolon, and a comment stands directly before what it describes.
 */
import { posix } from "node:path";

export interface Declared {
  /** `Collection`, and for a member `Collection.add` or `CollectionConfiguration.hnsw.space`. */
  name: string;
  documented: boolean;
}

/** One declaration: the file it stands in, its comment, and the text behind that. */
interface Declaration {
  file: string;
  name: string;
  comment: string;
  text: string;
}

const COMMENT = String.raw`/\*\*(?:[^*]|\*(?!/))*\*/`;

/** Whether a comment says what something is: tags alone (`@throws`) do not. */
const says = (comment: string): boolean => /^\/\*\*[\s*]*[^\s*@/]/.test(comment);

/**
 * Every symbol that the entries export, every type that these mention, since readers see it in their editor too, and every
 * public member of both. Files are given as path to text.
 */
export function publicDeclarations(files: ReadonlyMap<string, string>, entries: readonly string[]): Declared[] {
  const all = new Map([...files].map(([file, text]) => [file, parse(file, text)]));
  const origins = new Map([...files].map(([file, text]) => [file, originsOf(text)]));
  const found = new Set<Declaration>();
  const follow = (file: string, name: string): void => {
    const own = all.get(file)?.filter((declaration) => declaration.name === name) ?? [];
    const origin = origins.get(file)?.get(name);
    if (own.length === 0 && !origin) throw new Error(`${file} has no ${name}`);
    if (own.length === 0) follow(posix.join(posix.dirname(file), origin!.file), origin!.name);
    for (const declaration of own) {
      if (found.has(declaration)) continue;
      found.add(declaration);
      const known = new Set([...all.get(file)!.map((other) => other.name), ...origins.get(file)!.keys()]);
      for (const word of wordsOf(declaration.text)) if (known.has(word)) follow(file, word);
    }
  };
  for (const entry of entries) for (const name of exportsOf(files.get(entry)!)) follow(entry, name);
  return [...found].flatMap(({ name, comment, text }) => [{ name, documented: says(comment) }, ...membersOf(name, text)]);
}

function parse(file: string, text: string): Declaration[] {
  const start = `^(?:(${COMMENT})\\n)?(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|function|enum) (\\w+)`;
  const starts = [...text.matchAll(new RegExp(start, "gm"))];
  return starts.map(({ index, 1: comment = "", 2: name }, at) => ({
    file,
    name: name!,
    comment,
    text: text.slice(index + comment.length, starts[at + 1]?.index).replace(/^export (?:type )?\{.*$/gm, ""),
  }));
}

/** The names that a file has from others, by import or export, and where from. */
function originsOf(text: string): Map<string, { file: string; name: string }> {
  const statements = text.matchAll(/^(?:import|export) (?:type )?\{([^}]*)\} from "(\..*)\.js";$/gm);
  const found = [...statements].flatMap(([, names, path]) =>
    specifiers(names!).map(({ name, as }) => [as, { file: `${path}.d.ts`, name }] as const),
  );
  return new Map(found);
}

function exportsOf(text: string): string[] {
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) => specifiers(names!).map(({ as }) => as));
}

function specifiers(names: string): { name: string; as: string }[] {
  const found = names.matchAll(/(?:type )?(\w+)(?: as (\w+))?/g);
  return [...found].map(([, name, as]) => ({ name: name!, as: as ?? name! }));
}

function wordsOf(text: string): Set<string> {
  return new Set(text.replace(new RegExp(COMMENT, "g"), "").match(/\w+/g));
}

/** One that stands behind the getter of its name is told of there. */
function withoutSetters(text: string): string {
  return text.replace(/(\bget (\w+)\(\)[^;]*;\s*)set \2\([^;]*;/g, "$1");
}

/**
 * The members of a symbol, those of types within types too. What is private does not count; what a method takes and answers
 * is told at the method.
 */
function membersOf(owner: string, text: string): Declared[] {
  const members: Declared[] = [];
  const owners: (string | null)[] = [];
  const token = `${COMMENT}|"(?:[^"\\\\]|\\\\.)*"|\`[^\`]*\`|=>|\\[[^\\]]*\\]\\??:|#?[\\w$]+\\??|\\S`;
  let parentheses = 0;
  /** Behind the parameters of a method. */
  let answers = false;
  let last: string | null = owner;
  /** The comment before the member that may begin here; `null` where none may. */
  let comment: string | null = null;
  for (const [word] of withoutSetters(text).matchAll(new RegExp(token, "g"))) {
    if (parentheses > 0) {
      parentheses += Number(word === "(") - Number(word === ")");
      answers = parentheses === 0;
    } else if (word === "{") {
      owners.push(answers ? null : last);
      comment = answers ? null : "";
    } else if (word === "}") {
      last = owners.pop()!;
      comment = null;
    } else if (word === ";") {
      comment = owners.at(-1) === null ? null : "";
      answers = false;
    } else if (comment !== null && word.startsWith("/**")) {
      comment = word;
    } else if (!/^(?:static|readonly|get|set|abstract)$/.test(word)) {
      const name = word === "(" ? "constructor" : word.replace(/\?$/, "");
      if (comment !== null && /^[a-z$_]/i.test(name) && name !== "private") {
        last = `${owners.at(-1)}.${name}`;
        members.push({ name: last, documented: says(comment) });
      }
      comment = null;
      parentheses += Number(word === "(");
    }
  }
  return members;
}
