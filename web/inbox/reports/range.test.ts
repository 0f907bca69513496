import { expect, test } from "vitest";
import { before, daysIn, periodsOf, perOf, readRange } from "./range";

const now = Date.parse("2026-03-10T15:00:00Z");

test("without a word in the address it is the last thirty days", () => {
  expect(readRange(new URLSearchParams(), now)).toEqual({
    since: "2026-02-09",
    until: "2026-03-10",
    preset: "30d",
  });
});

test("days that are none, or in the wrong order, are not believed", () => {
  for (const query of [
    "since=2026-02-31x&until=2026-03-01",
    "since=2026-03-02&until=2026-03-01",
    "range=13d",
  ]) {
    expect(readRange(new URLSearchParams(query), now).preset).toBe("30d");
  }
});

test("the period before has as many days and ends the day before", () => {
  const range = readRange(new URLSearchParams("since=2026-03-01&until=2026-03-07"), now);
  expect(before(range)).toEqual({ since: "2026-02-22", until: "2026-02-28", preset: null });
  expect(daysIn(before(range))).toBe(7);
});

test("periods without numbers are there too, weeks from their Monday", () => {
  const range = readRange(new URLSearchParams("since=2026-03-04&until=2026-03-17"), now);
  expect(periodsOf(range, "week")).toEqual(["2026-03-02", "2026-03-09", "2026-03-16"]);
  expect(periodsOf(range, perOf(range))).toHaveLength(14);
});
