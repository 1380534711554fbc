/** Every situation of a record, and what becomes of it. */
import { describe, expect, test } from "vitest";
import { type Base, type Decision, type Direction, decide, type Situation } from "./merge.js";

const agreed: Base = { local: "1", remote: "1", step: 3 };
const situation = (of: Partial<Situation>): Situation => {
  const { local = null, remote = null } = of;
  return { base: undefined, isTrusted: true, isSame: local === remote, direction: "both", ...of, local, remote };
};

describe("what becomes of a record", () => {
  test.each<[string, Partial<Situation>, Decision]>([
    ["nothing anywhere", {}, "leave"],
    ["as noted", { base: agreed, local: "1", remote: "1" }, "leave"],
    ["changed here", { base: agreed, local: "2", remote: "1" }, "push"],
    ["deleted here", { base: agreed, remote: "1" }, "push"],
    ["changed there", { base: agreed, local: "1", remote: "2" }, "pull"],
    ["deleted there", { base: agreed, local: "1" }, "pull"],
    ["changed alike", { base: agreed, local: "2", remote: "2" }, "settle"],
    ["deleted on both", { base: agreed }, "settle"],
    ["changed on both", { base: agreed, local: "2", remote: "3" }, "conflict"],
    ["changed here, deleted there", { base: agreed, local: "2" }, "conflict"],
    ["deleted here, changed there", { base: agreed, remote: "2" }, "conflict"],
    ["new here", { local: "1" }, "push"],
    ["new there", { remote: "1" }, "pull"],
    ["new on both", { local: "1", remote: "2" }, "conflict"],
    ["new on both, alike", { local: "1", remote: "1" }, "settle"],
    ["shown otherwise by the server", { base: agreed, local: "1", remote: "1b", isSame: true }, "settle"],
    ["lost by the server", { base: agreed, local: "1", isTrusted: false }, "restored"],
    ["another state of a server that was set back", { base: agreed, local: "1", remote: "0", isTrusted: false }, "restored"],
    ["changed here, and the server has what was noted", { base: agreed, local: "2", remote: "1", isTrusted: false }, "push"],
    ["deleted here, and the server has what was noted", { base: agreed, remote: "1", isTrusted: false }, "push"],
    ["being replaced there", { base: { ...agreed, mark: "replacing" }, local: "2" }, "push"],
    ["being replaced here", { base: { ...agreed, mark: "replacing" }, remote: "2" }, "pull"],
    ["replacing had not begun", { base: { ...agreed, mark: "replacing" }, local: "2", remote: "1" }, "push"],
    ["left apart, and to be equal now", { base: { local: "1", remote: "2", step: 3, mark: "apart" }, local: "1", remote: "2" }, "conflict"],
  ])("%s", (_, of, decision) => expect(decide(situation(of))).toBe(decision));

  test.each<[Direction, string | null, string | null, Decision]>([
    ["push", "1", "2", "leave"],
    ["push", "2", "1", "push"],
    ["push", "2", "3", "conflict"],
    ["pull", "2", "1", "leave"],
    ["pull", "1", null, "pull"],
    ["pull", null, "1", "leave"],
  ])("%s alone: here %s, there %s", (direction, local, remote, decision) => {
    expect(decide(situation({ base: agreed, local, remote, direction }))).toBe(decision);
  });
});
