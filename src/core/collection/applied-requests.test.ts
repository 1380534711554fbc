import { expect, test } from "vitest";
import { gate } from "../../testing/gate.js";
import { limits } from "../limits.js";
import { AppliedRequests, type Outcome } from "./applied-requests.js";

const never = (): Promise<Outcome> => expect.unreachable("it was done already");

test("a request that was applied is not done again, and has the outcome that it had", async () => {
  const requests = new AppliedRequests([{ id: "a", deleted: 0 }]);
  requests.note({ id: "b", deleted: 3 });
  expect(await requests.once("a", never)).toEqual({ deleted: 0 });
  expect(await requests.once("b", never)).toEqual({ deleted: 3 });
  expect(await requests.once("c", async () => ({ deleted: 5 }))).toEqual({ deleted: 5 });
});

test("another try joins the first while that is under way, and begins anew when it has failed", async () => {
  const requests = new AppliedRequests();
  const { held, open } = gate();
  let tries = 0;
  const work = async (): Promise<Outcome> => {
    tries++;
    await held;
    throw new Error("full");
  };
  const both = [requests.once("a", work), requests.once("a", work)];
  open();
  for (const one of both) await expect(one).rejects.toThrow("full");
  expect(tries).toBe(1);
  expect(await requests.once("a", async () => ({ deleted: 1 }))).toEqual({ deleted: 1 });
});

test("requests without an id are all done", async () => {
  const requests = new AppliedRequests();
  let done = 0;
  const work = async (): Promise<Outcome> => ({ deleted: ++done });
  await Promise.all([requests.once(undefined, work), requests.once(undefined, work)]);
  expect(done).toBe(2);
});

test("the latest are remembered, as many as the limit says", () => {
  const requests = new AppliedRequests();
  for (let i = 0; i < limits.requestsRememberedMax + 2; i++) requests.note({ id: `${i}`, deleted: 0 });
  expect(requests.list()).toHaveLength(limits.requestsRememberedMax);
  expect(requests.list()[0]).toEqual({ id: "2", deleted: 0 });
});

test("a request that is noted again counts as new", () => {
  const requests = new AppliedRequests([
    { id: "a", deleted: 0 },
    { id: "b", deleted: 0 },
  ]);
  requests.note({ id: "a", deleted: 1 });
  expect(requests.list()).toEqual([
    { id: "b", deleted: 0 },
    { id: "a", deleted: 1 },
  ]);
});
