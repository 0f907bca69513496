import { expect, it } from "vitest";
import { type Citation, cite } from "./cite";

const citation = (ordinal: number, sentence: string, chunk_id: string, article_id: string): Citation => ({
  ordinal,
  sentence,
  chunk_id,
  article_id,
  support: 1,
  chunk: null,
});

it("finds what the text says of its sources", () => {
  const { parts, sources } = cite("Send it back. It is free. [1] [2]\n\n[1] Returns\n[2] Costs [9]", [
    citation(2, "It is free.", "x", "costs"),
    citation(1, "Send it back.", "y", "returns"),
    citation(2, "It is free.", "z", "returns"),
  ]);
  expect(parts.map(({ text, sources: numbers, isMark }) => [text, numbers, isMark])).toEqual([
    ["Send it back.", [1], false],
    [" ", [], false],
    ["It is free.", [2, 1], false],
    [" ", [], false],
    ["[1]", [1], true],
    [" ", [], false],
    ["[2]", [2], true],
    ["\n\n", [], false],
    ["[1]", [1], true],
    [" Returns\n", [], false],
    ["[2]", [2], true],
    [" Costs [9]", [], false],
  ]);
  expect(sources.map(({ number, articleId, passages }) => [number, articleId, passages.length])).toEqual([
    [1, "returns", 2],
    [2, "costs", 1],
  ]);
});

it("marks where the text says nothing of them", () => {
  const { parts } = cite("One. Two. Three.", [
    citation(1, "One.", "x", "a"),
    citation(2, "Two.", "x", "a"),
    citation(3, "Three.", "y", "b"),
  ]);
  expect(parts.map(({ text }) => text).join("")).toBe("One. Two.[1] Three.[2]");
});
