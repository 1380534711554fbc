/**
 * Runs a program over texts in time linear in their length: a deterministic automaton that is made while it runs. A state is the
 * set of places in the program at which a match that began earlier may go on, and what the character before was, as far as the
 * program asks; a match may begin anywhere, so its start is part of every state. A transition is worked out once, by walking the
 * program, and then remembered, so that a character costs a look into two tables.
 *
 * Invariants: the work between two steps is bounded, over all texts together, and so is the memory of all automata that share a
 * `PatternMemory`: the one that wants more forgets what it knows and goes on from where it is. Where that happens all the time,
 * each character costs a walk through the program, and time is still linear.
 */
import { hasSameItems } from "../../base/same-items.js";
import type { Steps } from "../../base/steps.js";
import { limits } from "../../limits.js";
import { type Alphabet, isIn, type Letter } from "./alphabet.js";
import type { Program } from "./program.js";
import type { Assertion, WordPlace } from "./tree.js";

/** What automata of one filter share. */
export class PatternMemory {
  /** Bytes that letters and states take, about. */
  bytes = 0;

  get isFull(): boolean {
    return this.bytes > limits.regexMemoryBytes;
  }
}

interface State {
  /** Instructions, before assertions are followed: whether they hold depends on the next character, too. */
  places: Uint32Array;
  /** What the character before was. */
  before: number;
  /** By letter, what follows. */
  next: (State | undefined)[];
  /** Whether the text may end here; unknown at first. */
  accepts: boolean | undefined;
}

/** What assertions look for, as bits: an edge of the text, a line feed, a word character in Unicode's meaning and ASCII's. */
const EDGE = 1;
const LINE_FEED = 2;
const WORD = 4;
const ASCII_WORD = 8;

/** Which set of the alphabet a bit stands for. */
interface Mark {
  bit: number;
  set: number;
}

/** Work between two steps, in characters that are looked up, and what other work costs in these. */
const STEP = 32_768;
const INSTRUCTION_COST = 8;
const CLASSIFY_COST = 1024;
/** What the objects around a state take, and a transition. */
const STATE_BYTES = 256;
const TRANSITION_BYTES = 16;
/** Memory that an automaton keeps where others have taken all: without any, each character would be looked at anew. */
const OWN_BYTES = 16_384;

function newState(places: Uint32Array, before: number): State {
  return { places, before, next: [], accepts: undefined };
}

/** Stands for every state in which a match is over, and for those from which none comes any more. */
const MATCHED = newState(new Uint32Array(0), 0);
const HOPELESS = newState(new Uint32Array(0), 0);

export class Automaton {
  readonly #alphabet: Alphabet;
  readonly #memory: PatternMemory;
  readonly #marks: readonly Mark[];
  /** Bits of the character before that any assertion asks for. */
  readonly #asked: number;
  readonly #canRestart: boolean;
  /** By a hash of what they are. */
  readonly #states = new Map<number, State[]>();
  #bytes = 0;
  #start: State;
  /** What is left of the work until the next step. */
  #left = STEP;
  readonly #walk: Walk;

  constructor(program: Program, alphabet: Alphabet, memory: PatternMemory) {
    const assertions = program.instructions.flatMap((one) => (one.kind === "assertion" ? [one.assertion] : []));
    this.#alphabet = alphabet;
    this.#memory = memory;
    this.#marks = marksOf(assertions, alphabet);
    this.#asked = assertions.reduce((bits, assertion) => bits | bitsBefore(assertion), 0);
    this.#walk = new Walk(program);
    this.#canRestart = this.#walk.reachesAnything();
    this.#start = this.#state([], EDGE & this.#asked);
  }

  /** Whether a text, which is well-formed, matches. Steps end after a bounded amount of work, that on earlier texts included. */
  *test(text: string): Steps<boolean> {
    const { length } = text;
    let state = this.#start;
    let at = 0;
    for (;;) {
      const { pages } = this.#alphabet;
      const from = at;
      const end = Math.min(length, at + this.#left);
      for (; at < end; at++) {
        const unit = text.charCodeAt(at);
        const next: State | undefined = state.next[pages[unit >>> 8]![unit & 255]!];
        if (next === undefined) break;
        state = next;
      }
      this.#left -= at - from;
      if (state === MATCHED || state === HOPELESS) return state === MATCHED;
      if (at === length) return this.#accepts(state);
      if (at < end) {
        const code = text.codePointAt(at)!;
        state = this.#follow(state, code);
        at += code > 0xffff ? 2 : 1;
      }
      if (this.#left <= 0) {
        this.#left = STEP;
        yield;
      }
    }
  }

  /** The state after a character. */
  #follow(known: State, code: number): State {
    let state = known;
    if (this.#memory.isFull && this.#bytes > OWN_BYTES) {
      this.#forget();
      state = this.#state(state.places, state.before);
    }
    const letter = this.#letterOf(code);
    return (state.next[letter.id] ??= this.#after(state, letter));
  }

  #letterOf(code: number): Letter {
    const letter = this.#alphabet.find(code);
    if (letter !== undefined) return letter;
    const bytes = this.#alphabet.bytes;
    const added = this.#alphabet.classify(code);
    this.#take(this.#alphabet.bytes - bytes);
    this.#left -= CLASSIFY_COST;
    return added;
  }

  #after(state: State, letter: Letter): State {
    this.#take(TRANSITION_BYTES);
    const bits = this.#bitsOf(letter);
    const isMatch = this.#walk.from(state.places, state.before, bits);
    this.#left -= this.#walk.length * INSTRUCTION_COST;
    if (isMatch) return MATCHED;
    const places = this.#walk.over(letter);
    return places.length === 0 && !this.#canRestart ? HOPELESS : this.#state(places, bits & this.#asked);
  }

  #accepts(state: State): boolean {
    return (state.accepts ??= this.#walk.from(state.places, state.before, EDGE));
  }

  #bitsOf(letter: Letter): number {
    let bits = 0;
    for (const mark of this.#marks) if (isIn(letter, mark.set)) bits |= mark.bit;
    return bits;
  }

  /** The one state of these places. */
  #state(places: ArrayLike<number>, before: number): State {
    const hash = hashOf(places, before);
    let alike = this.#states.get(hash);
    if (alike === undefined) this.#states.set(hash, (alike = []));
    const known = alike.find((state) => state.before === before && hasSameItems(state.places, places));
    if (known !== undefined) return known;
    const state = newState(Uint32Array.from(places), before);
    alike.push(state);
    this.#take(STATE_BYTES + state.places.byteLength);
    return state;
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }

  #forget(): void {
    this.#take(-this.#bytes);
    this.#states.clear();
    this.#alphabet.forget();
    this.#start = this.#state([], EDGE & this.#asked);
  }
}

/** Walks through a program without reading a character. */
class Walk {
  readonly #program: Program;
  /** Of each instruction, the walk in which it was come to, and of each place, that in which it was found. */
  readonly #visited: Uint32Array;
  readonly #noted: Uint32Array;
  #number = 0;
  /** Instructions in the order in which they were come to. */
  readonly #order: Uint32Array;
  length = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#visited = new Uint32Array(program.instructions.length);
    this.#noted = new Uint32Array(program.instructions.length);
    this.#order = new Uint32Array(program.instructions.length);
  }

  /** Goes from these places, and from the start, as far as assertions hold; says whether that is a match. */
  from(places: ArrayLike<number>, before: number, after: number): boolean {
    this.#begin();
    for (let i = 0; i < places.length; i++) this.#visit(places[i]!);
    this.#visit(this.#program.start);
    return this.#go((assertion) => holds(assertion, before, after));
  }

  /** Whether anything can come of beginning inside a text. */
  reachesAnything(): boolean {
    this.#begin();
    this.#visit(this.#program.start);
    if (this.#go(({ at }) => at !== "text-start")) return true;
    return this.#order.subarray(0, this.length).some((at) => this.#program.instructions[at]!.kind === "character");
  }

  /** Where those that were come to go on after a character. */
  over(letter: Letter): number[] {
    const places: number[] = [];
    for (let i = 0; i < this.length; i++) {
      const instruction = this.#program.instructions[this.#order[i]!]!;
      if (instruction.kind !== "character" || !isIn(letter, instruction.set)) continue;
      if (this.#noted[instruction.next] === this.#number) continue;
      this.#noted[instruction.next] = this.#number;
      places.push(instruction.next);
    }
    return places;
  }

  #begin(): void {
    this.length = 0;
    this.#number = (this.#number + 1) >>> 0;
    if (this.#number > 0) return;
    this.#visited.fill(0);
    this.#noted.fill(0);
    this.#number = 1;
  }

  #visit(at: number): void {
    if (this.#visited[at] === this.#number) return;
    this.#visited[at] = this.#number;
    this.#order[this.length++] = at;
  }

  #go(isTrue: (assertion: Assertion) => boolean): boolean {
    for (let i = 0; i < this.length; i++) {
      const instruction = this.#program.instructions[this.#order[i]!]!;
      if (instruction.kind === "match") return true;
      if (instruction.kind === "split") for (const target of instruction.targets) this.#visit(target);
      if (instruction.kind === "assertion" && isTrue(instruction.assertion)) this.#visit(instruction.next);
    }
    return false;
  }
}

function marksOf(assertions: readonly Assertion[], alphabet: Alphabet): Mark[] {
  const marks: Mark[] = [];
  const isAny = (sort: (assertion: Assertion) => boolean): boolean => assertions.some(sort);
  if (isAny(({ at }) => at === "line-start" || at === "line-end")) {
    marks.push({ bit: LINE_FEED, set: alphabet.setOf({ kind: "range", from: 10, to: 10 }) });
  }
  for (const unicode of [true, false]) {
    if (!isAny((assertion) => "unicode" in assertion && assertion.unicode === unicode)) continue;
    marks.push({ bit: unicode ? WORD : ASCII_WORD, set: alphabet.setOf({ kind: "perl", name: "w", unicode }) });
  }
  return marks;
}

/** What an assertion asks of the character before. */
function bitsBefore(assertion: Assertion): number {
  switch (assertion.at) {
    case "text-start":
      return EDGE;
    case "line-start":
      return EDGE | LINE_FEED;
    case "text-end":
    case "line-end":
    case "word-end-half":
      return 0;
    default:
      return assertion.unicode ? WORD : ASCII_WORD;
  }
}

function holds(assertion: Assertion, before: number, after: number): boolean {
  switch (assertion.at) {
    case "text-start":
      return (before & EDGE) !== 0;
    case "text-end":
      return (after & EDGE) !== 0;
    case "line-start":
      return (before & (EDGE | LINE_FEED)) !== 0;
    case "line-end":
      return (after & (EDGE | LINE_FEED)) !== 0;
    default: {
      const word = assertion.unicode ? WORD : ASCII_WORD;
      return holdsBetween(assertion.at, (before & word) !== 0, (after & word) !== 0);
    }
  }
}

function holdsBetween(at: WordPlace, isWordBefore: boolean, isWordAfter: boolean): boolean {
  switch (at) {
    case "word-boundary":
      return isWordBefore !== isWordAfter;
    case "no-word-boundary":
      return isWordBefore === isWordAfter;
    case "word-start":
      return !isWordBefore && isWordAfter;
    case "word-end":
      return isWordBefore && !isWordAfter;
    case "word-start-half":
      return !isWordBefore;
    case "word-end-half":
      return !isWordAfter;
  }
}

function hashOf(places: ArrayLike<number>, before: number): number {
  let hash = before;
  for (let i = 0; i < places.length; i++) hash = (Math.imul(hash, 31) + places[i]!) | 0;
  return hash;
}
