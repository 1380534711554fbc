import { describe, expect, test } from "vitest";
import { TidepoolError } from "../errors.js";
import { Availability } from "./availability.js";

const poison = new TidepoolError("POISONED", "the flush failed");

describe("an engine", () => {
  test("answers until it is closed; what is under way goes on", () => {
    const availability = new Availability(() => undefined);
    expect(() => availability.check()).not.toThrow();
    availability.close();
    expect(() => availability.check()).toThrow(expect.objectContaining({ code: "CLOSED" }));
    expect(() => availability.checkPoison()).not.toThrow();
  });

  test("that is poisoned answers nothing, and nothing that is under way goes on; the first poison counts", () => {
    let halts = 0;
    const availability = new Availability(() => void halts++);
    expect(availability.poison(poison)).toBe(poison);
    expect(availability.poison(new TidepoolError("POISONED", "another"))).toBe(poison);
    expect(halts).toBe(1);
    expect(() => availability.check()).toThrow(poison);
    expect(() => availability.checkPoison()).toThrow(poison);
  });

  test("that is poisoned stays so when it is closed, before or after", () => {
    for (const closedFirst of [true, false]) {
      const availability = new Availability(() => undefined);
      if (closedFirst) availability.close();
      availability.poison(poison);
      availability.close();
      expect(() => availability.check()).toThrow(poison);
    }
  });
});
