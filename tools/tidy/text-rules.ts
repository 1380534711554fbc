/** Words that have no place in finished code, comments that lean on their neighbours, and lines that nobody reads to their end. */
import { blank } from "./scan.js";
import { isSource, isTest, type Tree } from "./tree.js";

export function wrongWords(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    if (!isSource(path)) continue;
    const bare = blank(code);
    const mark = /\b(?:TODO|FIXME|XXX)\b/.exec(code)?.[0];
    if (mark) complaints.push(`${path} says ${mark}`);
    if (/\bconsole\.(?:log|debug|info|dir|table)\b/.test(bare) && !isTest(path)) complaints.push(`${path} writes to the console`);
    if (/(?:[:<,|&=(]|\bas|\bextends)\s*any\b(?!\s*[:(])/.test(bare)) complaints.push(`${path} says any`);
    if (/^export default\b/m.test(bare)) complaints.push(`${path} has a default export`);
  }
  return complaints;
}

/** What such a comment says is lost when it is moved, or when something is put above it. */
export function leaningComments(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    for (const { 0: comment } of code.matchAll(/(?:\/\*\*?[\s*]*|\/\/ *)(?:The same|Likewise|As above|Ditto)\b.*/g)) {
      complaints.push(`${path} has the comment ${comment}`);
    }
  }
  return complaints;
}

/** As the formatter's, which leaves comments, strings, templates and regular expressions as they are. */
const lineLengthMax = 140;

export function longLines(tree: Tree): string[] {
  const complaints: string[] = [];
  for (const [path, code] of tree) {
    for (const [i, line] of code.split("\n").entries()) {
      if (line.length > lineLengthMax) complaints.push(`${path}:${i + 1} has ${line.length} characters`);
    }
  }
  return complaints;
}
