import { expect, test } from "vitest";
import { limits } from "../limits.js";
import { AppliedRequests } from "./applied-requests.js";

test("a request is found by its id, with what it did", () => {
  const requests = new AppliedRequests([{ id: "a", deleted: 0 }]);
  requests.note({ id: "b", deleted: 3 });
  expect(requests.find("a")).toEqual({ id: "a", deleted: 0 });
  expect(requests.find("b")).toEqual({ id: "b", deleted: 3 });
  expect(requests.find("c")).toBeUndefined();
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
