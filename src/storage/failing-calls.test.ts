/**
 * Every call that the storage makes to the platform fails once: the engine says so by the right code, loses nothing, keeps reading,
 * and goes on writing. Calls of one kind take turns at the errors that it can give; `ALL=1` fails each call with each of them. A
 * failure names the command that repeats it.
 */
import { afterAll, describe, expect, test } from "vitest";
import { workloads } from "../testing/crash-workload.js";
import { callsOf, failOnce, failures } from "../testing/failing-calls.js";
import { callsOfChange, changes, failChange } from "../testing/failing-changes.js";
import type { Call, Failure } from "../testing/simulated-origin.js";

const only = { workload: process.env["WORKLOAD"], call: process.env["CALL"] };
const takesAll = process.env["ALL"] === "1" || only.call !== undefined;
const seed = 1;
const tried = workloads
  .filter(({ name }) => ["small arenas", "text", "IndexedDB alone"].includes(name))
  .map((workload) => ({ ...workload, steps: 12 }));
let failed = 0;

/** How a call fails, of those of its kind the one after that of the call before. */
class Turns {
  readonly #turns = new Map<Call, number>();

  next(call: Call): readonly Failure[] {
    const all = failures[call];
    if (takesAll) return all;
    const turn = this.#turns.get(call) ?? 0;
    this.#turns.set(call, turn + 1);
    return [all[turn % all.length]!];
  }
}

afterAll(() => {
  process.stdout.write(`calls to the platform that were let fail: ${failed}\n`);
});

describe.each(tried.filter(({ name }) => only.workload === undefined || only.workload === name))("$name", (workload) => {
  test("a call that fails is told, and harms nothing else", async () => {
    const calls = await callsOf(workload, seed);
    const turns = new Turns();
    for (const [i, call] of calls.entries()) {
      for (const failure of turns.next(call)) {
        const name = `${i + 1}:${JSON.stringify(failure)}`;
        if (only.call !== undefined && only.call !== name) continue;
        const problem = await failOnce(workload, seed, i + 1, call, failure);
        failed++;
        const repeat = `WORKLOAD="${workload.name}" CALL='${name}' npx vitest run --project unit src/storage/failing-calls.test.ts`;
        expect.soft(problem, `${call} ${JSON.stringify(failure)}\n${repeat}\n`).toBeNull();
      }
    }
  });
});

const changeTurns = new Turns();

describe.each(["opfs", "indexeddb"] as const)("a change of a database in %s", (storage) => {
  test.each(Object.keys(changes))("%s: where it rejects it has not been made", async (name) => {
    const { calls, ...states } = await callsOfChange(name, storage);
    expect(states.after).not.toBe(states.before);
    for (const [at, call] of calls) {
      for (const failure of changeTurns.next(call)) {
        const problem = await failChange(name, storage, { at, failure }, states);
        failed++;
        expect.soft(problem, `${call} (${at}): ${JSON.stringify(failure)}`).toBeNull();
      }
    }
  });
});
