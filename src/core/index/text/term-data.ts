/**
 * What the index has of one term: the postings of all its occurrences, and beside them, for each form that differs from the term,
 * those of the occurrences in it. So the documents of a term are counted once, however it is written in them.
 */
import type { Steps } from "../../base/steps.js";
import type { Token } from "./analyzer.js";

/** MiniSearch's number of the one field. */
export const FIELD = 0;
/** Between a term and its form where the two are one string; no term holds it. */
export const FORM_MARK = "\0";
/** Postings looked at between two yields. */
const SLICE = 4096;

/** How often a document has it, by MiniSearch's short id. */
export type Postings = Map<number, number>;
/** Under `FIELD` all postings of a term, under a form those in which it occurs so. */
export type TermData = Map<number | string, Postings>;

export function emptyTerm(): Map<number, Postings> {
  return new Map([[FIELD, new Map<number, number>()]]);
}

export function formOf(data: TermData, form: string): Postings {
  let postings = data.get(form);
  if (postings === undefined) data.set(form, (postings = new Map()));
  return postings;
}

export function increment(counts: Map<unknown, number>, key: unknown): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Takes dead documents out of all postings, and forms that nobody writes any more out of the term. */
export function purge(data: TermData, isLive: (shortId: number) => boolean): void {
  for (const [form, postings] of data) {
    for (const shortId of postings.keys()) if (!isLive(shortId)) postings.delete(shortId);
    if (form !== FIELD && postings.size === 0) data.delete(form);
  }
}

/** How often a document has a term in another form than this; `null` stands for the term itself. */
export function* otherForms(data: TermData, form: string | null): Steps<(shortId: number, occurrences: number) => number> {
  if (form !== null) {
    const these = data.get(form);
    return (shortId, occurrences) => occurrences - (these?.get(shortId) ?? 0);
  }
  const others: Postings = new Map();
  let work = 0;
  for (const [key, postings] of data) {
    if (key === FIELD) continue;
    for (const [shortId, frequency] of postings) {
      others.set(shortId, (others.get(shortId) ?? 0) + frequency);
      if (++work % SLICE === 0) yield;
    }
  }
  return (shortId) => others.get(shortId) ?? 0;
}

/** How often each term occurs, and each form that differs from its term, with the mark between the two. */
export function countTokens(tokens: readonly Token[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { term, form } of tokens) {
    increment(counts, term);
    if (form !== term) increment(counts, term + FORM_MARK + form);
  }
  return counts;
}

/** The forms in which a document has a term; the term itself comes first. */
export function formsIn(shortId: number, term: string, data: TermData): string[] {
  const forms: string[] = [];
  let unchanged = data.get(FIELD)!.get(shortId)!;
  for (const [form, postings] of data) {
    const frequency = form === FIELD ? undefined : postings.get(shortId);
    if (frequency === undefined) continue;
    forms.push(form as string);
    unchanged -= frequency;
  }
  return unchanged > 0 ? [term, ...forms] : forms;
}
