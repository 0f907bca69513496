import { expect, test } from "vitest";
import { minutesOf, readDuration, writeDuration } from "./durations";

test("intervals are read as PostgreSQL writes them", () => {
  expect(readDuration("7 days")).toEqual({ count: 7, unit: "day" });
  expect(readDuration("40:00:00")).toEqual({ count: 40, unit: "hour" });
  expect(readDuration("00:30:00")).toEqual({ count: 30, unit: "minute" });
  expect(readDuration("1 day 02:30:00")).toEqual({ count: 1590, unit: "minute" });
  expect(readDuration("1 mon")).toEqual({ count: 30, unit: "day" });
});

test("what is written is read again", () => {
  for (const text of ["1 day", "40 hours", "1 minute"]) expect(writeDuration(readDuration(text))).toBe(text);
  expect(minutesOf("4 hours")).toBe(240);
});
