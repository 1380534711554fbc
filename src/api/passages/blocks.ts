/**
 * What a text is made of: headings, paragraphs, items of lists, tables and fenced code of Markdown, paragraphs of plain text, or
 * lines of code. Blocks hold every character that is not white space, in order, and each says how good a place its beginning is for
 * a cut. Reading is linear in the text, whatever it holds: a fence that is never closed reaches to the end.
 */
import { type Line, linesOf } from "./lines.js";
import type { Steps } from "./steps.js";

/** How a text is read: `markdown` for prose of any kind, `text` where signs of Markdown mean nothing, `code` for a file of source. */
export type TextFormat = "markdown" | "text" | "code";

/** How good a place for a cut is, from the middle of what is written together to the border of blocks. */
export const CUTS = { inside: 0, word: 1, line: 2, sentence: 3, subitem: 4, item: 5, block: 6 } as const;

export type Cut = (typeof CUTS)[keyof typeof CUTS];

export interface Block {
  /** `lines` keep together where they fit, as tables and fenced code do. */
  kind: "heading" | "prose" | "lines" | "code";
  start: number;
  end: number;
  /** The place before it. */
  cut: Cut;
  /** Of a heading: 1–6, and what it says. */
  depth: number;
  title: string;
  /** Of lines and code: each. */
  lines: Line[];
}

/** Longer lines are neither headings nor marks of a block. */
const MARK_LENGTH_MAX = 1000;
const FENCE = /^(?:`{3,}|~{3,})/;
/** After the first line of front matter. */
const FIRST_KEY = /\r?\n[\w-]+:/y;
const ITEM = /^(?:[-*+]|\d{1,9}[.)])(?=\s|$)/;
const HEADING = /^(#{1,6})(?:[ \t]|$)/;
/** A row of dashes and bars between a table's head and its body. */
const TABLE_RULE = /^[|:\- \t]*-[|:\- \t]*$/;
/** Lines read between two pauses. */
const LINES_AT_ONCE = 64;

export function* readBlocks(text: string, format: TextFormat): Steps<Block[]> {
  const reader = format === "code" ? new CodeReader() : new ProseReader(text, format === "markdown");
  let read = 0;
  for (const line of linesOf(text)) {
    reader.take(line);
    if (++read % LINES_AT_ONCE === 0) yield;
  }
  return reader.blocks;
}

function blockOf(kind: Block["kind"], { first, start, end, ...line }: Line, cut: Cut): Block {
  const keepsIndent = kind === "lines" || kind === "code";
  const lines = keepsIndent ? [{ first, start, end, ...line }] : [];
  return { kind, start: keepsIndent ? start : first, end, cut, depth: 0, title: "", lines };
}

/** All lines are one block. */
class CodeReader {
  readonly blocks: Block[] = [];

  take(line: Line): void {
    const [block] = this.blocks;
    if (block === undefined) this.blocks.push(blockOf("code", line, CUTS.block));
    else extend(block, line);
  }
}

function extend(block: Block, line: Line): void {
  block.end = line.end;
  if (block.kind === "lines" || block.kind === "code") block.lines.push(line);
}

class ProseReader {
  readonly blocks: Block[] = [];
  readonly #text: string;
  readonly #isMarkdown: boolean;
  /** What closes the fence that is open; `""` outside of any. */
  #fence = "";
  #inTable = false;
  /** Columns before the mark of the first item of the list that is being read; -1 outside of any. */
  #listIndent = -1;
  /** The line before, and where its block ended without it. */
  #previous: Line | null = null;
  #endBefore = 0;

  constructor(text: string, isMarkdown: boolean) {
    this.#text = text;
    this.#isMarkdown = isMarkdown;
  }

  take(line: Line): void {
    const last = this.blocks.at(-1);
    const endBefore = last?.end ?? 0;
    this.#read(line, last);
    this.#previous = line;
    this.#endBefore = endBefore;
  }

  #read(line: Line, last: Block | undefined): void {
    if (!this.#isMarkdown) this.#addProse(line, last);
    else if (this.#fence !== "") this.#takeFenced(line, last!);
    else if (this.#inTable && !line.afterBlank) extend(last!, line);
    else this.#takeMarkdown(line, last, this.#markOf(line));
  }

  /** The line, for as much of it as marks may take. */
  #markOf({ first, end }: Line): string {
    return this.#text.slice(first, Math.min(end, first + MARK_LENGTH_MAX));
  }

  #takeMarkdown(line: Line, last: Block | undefined, mark: string): void {
    this.#inTable = false;
    const isWhole = line.end - line.first <= MARK_LENGTH_MAX;
    if (isWhole && this.#takeFence(line, last, mark)) return;
    if (isWhole && this.#takeHeading(line, last, mark)) return;
    if (isWhole && this.#takeTableRule(line, last, mark)) return;
    if (ITEM.test(mark)) this.#startItem(line, last);
    else this.#addProse(line, last);
  }

  #takeFence(line: Line, last: Block | undefined, mark: string): boolean {
    const fence = this.#isFrontMatter(line, last, mark) ? mark : FENCE.exec(mark)?.[0];
    if (fence === undefined || (fence[0] === "`" && mark.indexOf("`", fence.length) > 0)) return false;
    this.#fence = fence;
    this.#push("lines", line, this.#cutBefore(line, last, CUTS.block));
    return true;
  }

  #isFrontMatter({ end }: Line, last: Block | undefined, mark: string): boolean {
    FIRST_KEY.lastIndex = end;
    return last === undefined && mark === "---" && FIRST_KEY.test(this.#text) && this.#text.includes("\n---", end);
  }

  #takeFenced(line: Line, block: Block): void {
    extend(block, line);
    const mark = this.#markOf(line);
    const isClosed = mark.startsWith(this.#fence) && mark === this.#fence[0]!.repeat(mark.length);
    if (isClosed) this.#fence = "";
  }

  #takeHeading(line: Line, last: Block | undefined, mark: string): boolean {
    const signs = HEADING.exec(mark)?.[1];
    if (signs !== undefined && line.indent < 4) {
      this.#listIndent = -1;
      const block = this.#push("heading", line, CUTS.block);
      block.depth = signs.length;
      block.title = titleOf(mark.slice(signs.length));
      return true;
    }
    const depth =
      line.afterBlank || last?.kind !== "prose" || this.#listIndent >= 0 ? 0 : /^=+$/.test(mark) ? 1 : /^-+$/.test(mark) ? 2 : 0;
    return depth > 0 && this.#underline(line, last!, depth);
  }

  /** A paragraph of one line becomes a heading by what stands below it. */
  #underline(line: Line, paragraph: Block, depth: number): boolean {
    const title = this.#text.slice(paragraph.start, paragraph.end);
    if (title.length > MARK_LENGTH_MAX || /[\r\n\u2028\u2029]/.test(title)) return false;
    Object.assign(paragraph, { kind: "heading", cut: CUTS.block, depth, title: titleOf(title), end: line.end });
    return true;
  }

  /** The line before it becomes the head of a table. */
  #takeTableRule(line: Line, last: Block | undefined, mark: string): boolean {
    if (line.afterBlank || last?.kind !== "prose" || !mark.includes("|") || !TABLE_RULE.test(mark)) return false;
    const head = this.#previous!;
    if (!this.#markOf(head).includes("|")) return false;
    const isAlone = head.first === last.start;
    if (isAlone) this.blocks.pop();
    else last.end = this.#endBefore;
    extend(this.#push("lines", head, isAlone ? last.cut : CUTS.block), line);
    this.#inTable = true;
    return true;
  }

  #startItem(line: Line, last: Block | undefined): void {
    const isFirst = this.#listIndent < 0;
    if (isFirst) this.#listIndent = line.indent;
    const isNested = line.indent > this.#listIndent + 1;
    this.#push("prose", line, this.#afterHeading(last, isFirst && line.afterBlank ? CUTS.block : isNested ? CUTS.subitem : CUTS.item));
  }

  #addProse(line: Line, last: Block | undefined): void {
    if (last?.kind === "prose" && !line.afterBlank) return extend(last, line);
    this.#push("prose", line, this.#cutBefore(line, last, CUTS.block));
  }

  /** The place before a block that is not an item: what is indented belongs to the item before it, anything else ends the list. */
  #cutBefore(line: Line, last: Block | undefined, cut: Cut): Cut {
    const isOfItem = this.#listIndent >= 0 && line.indent > this.#listIndent + 1;
    if (!isOfItem) this.#listIndent = -1;
    return this.#afterHeading(last, isOfItem ? CUTS.subitem : cut);
  }

  /** A heading goes with what it is above of, wherever that is possible. */
  #afterHeading(last: Block | undefined, cut: Cut): Cut {
    return last?.kind === "heading" ? CUTS.word : cut;
  }

  #push(kind: Block["kind"], line: Line, cut: Cut): Block {
    const block = blockOf(kind, line, cut);
    this.blocks.push(block);
    return block;
  }
}

/** A heading's text without what marks it as one, and without the marks of what stands in it. */
function titleOf(heading: string): string {
  const closed = heading.trim().replace(/(?:^|[ \t])#+$/, "");
  return closed
    .replace(/\[([^\][]*)\]\([^()]*\)/g, "$1")
    .replace(/[`*]/g, "")
    .trim();
}
