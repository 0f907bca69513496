import { expect, test } from "vitest";
import { marked } from "./marked";

test("found words are apart, and what looks like HTML stays text", () => {
  const pieces = marked("a &lt;b&gt; \uE000lost\uE001 &amp;amp; friend&#39;s");
  expect(pieces.map(({ text, isFound }) => [text, isFound])).toEqual([
    ["a <b> ", false],
    ["lost", true],
    [" &amp; friend's", false],
  ]);
});
