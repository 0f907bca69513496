import { expect, test } from "vitest";
import { mark } from "./markup";

test("marks go around what is selected, and off again", () => {
  const bold = mark({ text: "a word", start: 2, end: 6 }, "bold");
  expect(bold).toEqual({ text: "a **word**", start: 4, end: 8 });
  expect(mark(bold, "bold")).toEqual({ text: "a word", start: 2, end: 6 });
});

test("lines are marked at their beginning, wherever the selection begins", () => {
  expect(mark({ text: "x\none\ntwo", start: 3, end: 9 }, "list").text).toBe("x\n- one\n- two");
  expect(mark({ text: "- one", start: 3, end: 5 }, "list").text).toBe("one");
});

test("a link waits for its address, or for its words", () => {
  expect(mark({ text: "see here", start: 4, end: 8 }, "link")).toEqual({
    text: "see [here](https://)",
    start: 11,
    end: 19,
  });
  expect(mark({ text: "", start: 0, end: 0 }, "link")).toEqual({ text: "[](https://)", start: 1, end: 1 });
});
