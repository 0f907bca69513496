import { expect, test } from "vitest";
import { csvOf } from "./audit";

test("what a spreadsheet would take for a formula is text, and quotes stay quotes", () => {
  expect(
    csvOf([
      ["a", null],
      ['say "hi"', "=1+1"],
    ]),
  ).toBe('"a",""\r\n"say ""hi""","\'=1+1"');
});
