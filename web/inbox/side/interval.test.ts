import { expect, test } from "vitest";
import { secondsOf } from "./interval";

test.each([
  ["04:00:00", 14_400],
  ["1 day 16:00:00", 144_000],
  ["2 days", 172_800],
  ["-00:30:00", -1_800],
  ["00:00:01.5", 1.5],
])("%s", (text, seconds) => expect(secondsOf(text)).toBe(seconds));
