/**
 * All moments at which a workload can be interrupted, each with what is then on the disk and what must be found in it; and
 * the examination of one of them. For tests, never shipped.
 *
 * A workload runs once for all its points: just before each step, and just after each that makes something durable, what a
 * crash would leave is put aside, and the work goes on. So a point costs one opening, and a database may be crashed again
 * while it recovers.
 */
import { readFile } from "node:fs/promises";
import { limits } from "../core/limits.js";
import { check, goOn, tryAgain, verified } from "./crash-check.js";
import { type Expectation, Ledger } from "./crash-ledger.js";
import { Process, Worker, type Workload } from "./crash-workload.js";
import { Random, TestEnvironment } from "./environment.js";
import { type FormatFixture, fromBase64 } from "./format-fixture.js";
import { Model } from "./model.js";
import { type End, emptyImage, type OriginImage, SimulatedOrigin, type Sync } from "./simulated-origin.js";

type Row = [key: IDBValidKey, value: Uint8Array];

const ends: readonly End[] = ["power", "process", "power, torn"];
/** Pieces in which IndexedDB storage keeps blobs. */
const pieceBytes = 64 * 1024;

export interface CrashPoint {
  /** The step before or after which it ends, and how. */
  readonly what: string;
  readonly image: OriginImage;
  readonly expectations: readonly Expectation[];
  readonly nowMs: number;
  /** Ids that were given out by then. */
  readonly ids: number;
}

/** Puts aside what each end would leave, where that is something new. */
class Recorder {
  readonly points: CrashPoint[] = [];
  readonly ledger = new Ledger();
  readonly #environment: TestEnvironment;
  readonly #random: Random;
  readonly #seen = new Map<End, string>();
  #origin!: SimulatedOrigin;

  /** What must be found as long as the ledger knows nothing. */
  readonly #before: readonly Expectation[];

  constructor(environment: TestEnvironment, seed: number, before: readonly Expectation[] = []) {
    this.#environment = environment;
    this.#random = new Random(seed);
    this.#before = before;
  }

  async install(image: OriginImage, recordsPoints = true): Promise<void> {
    const look = recordsPoints ? (what: string) => this.#look(what) : () => {};
    this.#origin = await SimulatedOrigin.install({
      image,
      now: () => this.#environment.now(),
      settleMs: limits.arenaSettleMs,
      beforeStep: (what) => look(`before a ${what}`),
      afterSync: (what: Sync) => {
        if (what === "strict commit") this.ledger.settle();
        look(`after a ${what}`);
      },
    });
  }

  #look(what: string): void {
    for (const end of ends) {
      const state = `${this.#origin.stateOf(end)} ${this.ledger.version}`;
      if (this.#seen.get(end) === state || (end === "power, torn" && !this.#origin.isTorn)) continue;
      this.#seen.set(end, state);
      this.points.push({
        what: `${what}, losing the ${end}`,
        image: this.#origin.image(end, () => this.#random.chance(0.5)),
        expectations: this.ledger.isEmpty ? this.#before : this.ledger.expectations(end !== "process"),
        nowMs: this.#environment.now(),
        ids: this.#environment.ids,
      });
    }
  }
}

/** Runs the workload and returns every point of it. */
export async function crashPoints(workload: Workload, seed: number): Promise<CrashPoint[]> {
  const environment = new TestEnvironment();
  const recorder = new Recorder(environment, seed);
  const { format, options } = workload;
  if (options?.durability === "relaxed") recorder.ledger.beginRelaxed();
  await recorder.install(format === undefined ? emptyImage : await formatImage(format, recorder.ledger));
  const process = await new Process(workload, environment).open();
  await new Worker(process, recorder.ledger, seed).run();
  await process.close();
  return recorder.points;
}

/** What came of examining a point. */
export interface Examination {
  /** What is wrong; `null`: nothing. */
  readonly problem: string | null;
  /** The points of recovering and going on, where they were to be recorded; they may be examined in turn. */
  readonly points: readonly CrashPoint[];
}

/** What is done with a point beside opening it, reading it and going on with it. */
export interface Thoroughness {
  /** The calls that were under way are tried again before it goes on. */
  readonly triesAgain: boolean;
  /** All of it is verified, as it was found and after it went on. */
  readonly verifies: boolean;
  /** The points of recovering and going on are put aside as well. */
  readonly recordsPoints: boolean;
}

/** Opens what a point leaves, reads it in every way, and goes on with it. */
export async function examine(workload: Workload, point: CrashPoint, thoroughness: Thoroughness): Promise<Examination> {
  const { triesAgain, verifies, recordsPoints } = thoroughness;
  const environment = new TestEnvironment(point.ids);
  environment.advance(point.nowMs - environment.now());
  const recorder = new Recorder(environment, point.nowMs, point.expectations);
  if (workload.options?.durability === "relaxed") recorder.ledger.beginRelaxed();
  await recorder.install(point.image, recordsPoints);
  try {
    const process = await new Process(workload, environment).open();
    const verify = async () => (verifies ? verified(process) : null);
    const { expectations } = point;
    let problem = (await check(process, expectations)) ?? (await verify());
    const tries = problem === null && triesAgain && expectations.some(({ unknown }) => unknown.length > 0);
    if (tries) {
      const tried = await tryAgain(process, expectations);
      problem = tried.problem ?? (await check(process, tried.after));
    }
    problem ??= (await goOn(process, expectations, recorder.ledger, tries)) ?? (await verify());
    await process.close();
    return { problem, points: recorder.points };
  } catch (error) {
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), points: [] };
  }
}

/** A database of an earlier format, as it lies in IndexedDB, and what is in it. */
async function formatImage(format: number, ledger: Ledger): Promise<OriginImage> {
  const text = await readFile(new URL(`fixtures/format-${format}.json`, import.meta.url), "utf8");
  const { catalog, log, blobs, expected } = JSON.parse(text) as FormatFixture;
  for (const { name, space, records } of expected) {
    if (name === "empty") continue;
    const model = new Model(space);
    for (const record of records) model.records.set(record.id, { ...record, embedding: Float32Array.from(record.embedding) });
    ledger.found(name, model, null);
  }
  const kind: Row = ["storage", new TextEncoder().encode(JSON.stringify({ kind: "indexeddb" }))];
  const stores = new Map<string, Row[]>([
    ["log", log.map(({ collectionId, offset, bytes }) => [[collectionId, offset], fromBase64(bytes)])],
    ["catalog", [kind, ...catalog.map(([key, bytes]) => [key, fromBase64(bytes)] as Row)]],
    ["blobs", blobs.flatMap(([number, bytes]) => piecesOf(number, fromBase64(bytes)))],
  ]);
  return { files: new Map(), rows: new Map([["tidepool:db", { version: 1, stores }]]) };
}

function piecesOf(blob: number, bytes: Uint8Array): Row[] {
  const count = Math.ceil(bytes.length / pieceBytes);
  return Array.from({ length: count }, (_, piece) => [[blob, piece], bytes.slice(piece * pieceBytes, (piece + 1) * pieceBytes)]);
}
