/**
 * Compares the segments of a collection's text index with their blocks, and with the records: each live document is in one of them,
 * word for word, and nothing else is.
 */
import { Pace } from "../base/pace.js";
import { inTurns, type Steps } from "../base/steps.js";
import { piecesOf } from "../base/text-pieces.js";
import { TidepoolError } from "../errors.js";
import { type Analyzer, prepareAnalyzer, type Token } from "../index/text/analyzer.js";
import type { Postings } from "../index/text/text-reader.js";
import { FREQUENCY_MAX, readingOnce, SegmentReader, segmentRefs, type TextSection, type TextSegment } from "../segment/text-segment.js";
import type { Inspection } from "./inspection.js";

/** A sum over the terms and forms of a document and how often each occurs, by ordinal: two different documents hardly share it. */
type Sums = Map<number, number>;

/** Terms and forms that are added up between two turns. */
const KEYS_PER_STEP = 4096;
/** Length of short documents that are analyzed between two turns. */
const UNITS_PER_STEP = 16_384;

export async function verifyText({ segments, analysis }: TextSection, inspection: Inspection): Promise<void> {
  if (segments === null) return;
  const { deep, loadStem } = inspection.context;
  const before = inspection.findingCount;
  for (const segment of segments) await verifySegment(segment, inspection);
  if (!deep || !inspection.isWhole || inspection.findingCount > before) return;
  const analyzer = await prepareAnalyzer(analysis, loadStem);
  // An index of another analyzer is built anew, and says nothing of what this one reads.
  if (segments.some(({ signature }) => signature !== analyzer.signature)) return;
  await inspection.attempt("text", inspection.owner("text"), () => compare(segments, analyzer, inspection));
}

/** Reads every block. */
async function verifySegment(segment: TextSegment, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("text");
  const { nextOrdinal } = inspection.context;
  for (const ref of segmentRefs(segment)) await inspection.block("text", ref, owner);
  inspection.counts.documents += segment.live.documents;
  if (segment.last < nextOrdinal) return;
  const place = `ordinal ${segment.last}`;
  inspection.find("text", place, `A segment of ${owner} has ordinal ${segment.last}, and the manifest knows those below ${nextOrdinal}`);
}

function wrong(what: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `A segment of the text index ${what}`);
}

async function compare(segments: readonly TextSegment[], analyzer: Analyzer, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("text");
  const stored: Sums = new Map();
  for (const segment of segments) await addStored(stored, segment, inspection);
  const pace = new Pace(inspection.context.tick, UNITS_PER_STEP);
  for await (const { ordinals, payloadAt } of inspection.payloads()) {
    for (let row = 0; row < ordinals.length; row++) {
      const ordinal = ordinals[row]!;
      const { document } = payloadAt(row);
      const sum = document === null ? undefined : await inTurns(sumOf(document, analyzer), inspection.context.tick);
      await pace.step(document?.length ?? 0);
      const isAsStored = stored.get(ordinal) === sum;
      if (!isAsStored) inspection.find("text", `ordinal ${ordinal}`, `The document of ordinal ${ordinal} is not what ${owner} has of it`);
      stored.delete(ordinal);
    }
    await inspection.context.tick();
  }
  for (const ordinal of stored.keys()) {
    inspection.find("text", `ordinal ${ordinal}`, `${owner} has a document of ordinal ${ordinal}, and there is no such record`);
  }
}

async function addStored(sums: Sums, segment: TextSegment, inspection: Inspection): Promise<void> {
  const owner = inspection.owner("text");
  const { tick } = inspection.context;
  const reader = await SegmentReader.open(segment, readingOnce(inspection.context.blocks), owner);
  if (reader.end - reader.hidden.count() !== segment.live.documents) throw wrong("does not count its documents");
  const ordinals = await ordinalsOf(reader, sums, inspection);
  let last: string | null = null;
  for await (const entry of reader.beginning("", tick)) {
    if (last !== null && entry.term <= last) throw wrong(`has term "${entry.term}" out of order`);
    last = entry.term;
    const loaded = await entry.load();
    const add = (key: string, { positions, frequencies }: Postings): void => {
      positions.forEach((position, i) => {
        const ordinal = ordinals[position]!;
        sums.set(ordinal, sums.get(ordinal)! + hashOf(key, frequencies[i]!));
      });
    };
    add(entry.term, loaded.postings(null));
    for (const form of loaded.forms) add(formKey(entry.term, form), loaded.postings(form));
  }
}

/** By position; documents that are not dead begin their sums with how many words they have. */
async function ordinalsOf(reader: SegmentReader, sums: Sums, inspection: Inspection): Promise<number[]> {
  const all: number[] = [];
  while (all.length < reader.end) {
    const { start, ordinals, words } = await reader.documentsAt(all.length);
    for (const [at, ordinal] of ordinals.entries()) {
      if (ordinal <= (all.at(-1) ?? -1)) throw wrong(`has ordinal ${ordinal} out of order`);
      all.push(ordinal);
      if (reader.hidden.has(start + at)) continue;
      if (sums.has(ordinal)) throw wrong(`has the document of ordinal ${ordinal} twice`);
      sums.set(ordinal, words[at]!);
    }
    await inspection.context.tick();
  }
  return all;
}

function* sumOf(document: string, analyzer: Analyzer): Steps<number> {
  const counts = new Map<string, number>();
  let sum = 0;
  let isFirst = true;
  for (const piece of piecesOf(document)) {
    if (!isFirst) yield;
    isFirst = false;
    sum += countTokens(analyzer.analyze(piece), counts);
  }
  let added = 0;
  for (const [key, frequency] of counts) {
    sum += hashOf(key, Math.min(frequency, FREQUENCY_MAX));
    if (++added % KEYS_PER_STEP === 0) yield;
  }
  return sum;
}

/** Adds to how often each term and form occurs; returns how many of the tokens are words. */
function countTokens(tokens: readonly Token[], counts: Map<string, number>): number {
  const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  let words = 0;
  for (const { term, form, kind } of tokens) {
    count(term);
    if (form !== term) count(formKey(term, form));
    if (kind === "word") words++;
  }
  return words;
}

function formKey(term: string, form: string): string {
  return `${term}\0${form}`;
}

/** Below 2^32, so that sums of many stay whole. */
function hashOf(key: string, frequency: number): number {
  let hash = 0x811c9dc5 ^ frequency;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
