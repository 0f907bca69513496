import { expect, test } from "vitest";
import { localInput, snoozeTimes } from "./snooze_times";

const said = (now: Date) => snoozeTimes(now).map(({ word, at }) => [word, localInput(at)]);

test("a Wednesday afternoon", () => {
  expect(said(new Date(2026, 0, 28, 14, 20))).toEqual([
    ["laterToday", "2026-01-28T17:00"],
    ["tomorrow", "2026-01-29T09:00"],
    ["nextWeek", "2026-02-02T09:00"],
    ["inTwoWeeks", "2026-02-11T09:00"],
  ]);
});

test("on a Sunday tomorrow is Monday, and at night nothing is later today", () => {
  expect(said(new Date(2026, 1, 1, 22, 0)).map(([word]) => word)).toEqual(["tomorrow", "inTwoWeeks"]);
});

test("on a Monday it is the next one", () => {
  expect(said(new Date(2026, 1, 2, 8, 0))).toContainEqual(["nextWeek", "2026-02-09T09:00"]);
});
