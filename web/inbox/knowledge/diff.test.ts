import { expect, test } from "vitest";
import { diffLines } from "./diff";

const told = (before: string, after: string) =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: " ", out: "-", in: "+" }[kind]}${text}`);

test("what was put in, taken out and left is told line by line", () => {
  expect(told("a\nb\nc\nd", "a\nc\nx\nd")).toEqual([" a", "-b", " c", "+x", " d"]);
  expect(told("same", "same")).toEqual([" same"]);
  expect(told("", "new")).toEqual(["-", "+new"]);
});

test("both sides can be made again from it", () => {
  const before = "one\ntwo\nthree\ntwo\nfour";
  const after = "two\nthree\nthree\nfour\nfive";
  const changes = diffLines(before, after);
  const side = (left: "in" | "out") =>
    changes
      .filter(({ kind }) => kind !== left)
      .map(({ text }) => text)
      .join("\n");
  expect(side("in")).toBe(before);
  expect(side("out")).toBe(after);
});
