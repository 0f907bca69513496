import { expect, test } from "vitest";
import { durationOf, relative } from "./time";

const now = new Date("2026-03-01T12:00:00Z");

test("a time is told in the largest unit that fits", () => {
  expect(relative(new Date("2026-03-01T09:00:00Z"), "en", now)).toBe("3 hours ago");
  expect(relative(new Date("2026-03-03T12:00:00Z"), "en", now)).toBe("in 2 days");
  expect(relative(new Date("2026-03-01T11:59:40Z"), "en", now)).toBe("now");
});

test("a duration has two units at most", () => {
  expect(durationOf(2 * 3600 + 5 * 60 + 7, "en")).toBe("2 hr 5 min");
  expect(durationOf(3 * 86_400, "en")).toBe("3 days");
  expect(durationOf(12, "en")).toBe("12 sec");
});
