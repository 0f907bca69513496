import { expect, it } from "vitest";
import { askingAt, fits } from "./asking";
import { fromMarkup, toMarkup } from "./mentions";

const ANN = { name: "Ann", id: "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10" };
const ANNA = { name: "Anna B", id: "team:01993f2a-5c00-7b1e-9c41-4f2f0a6d7e11" };

it("names people as the desk reads it, and back", () => {
  const text = "@Ann and @Anna B: not @Annabel, nor x@Ann";
  const markup = toMarkup(text, [ANN, ANNA]);
  expect(markup).toBe(`@[Ann](${ANN.id}) and @[Anna B](${ANNA.id}): not @Annabel, nor x@Ann`);
  expect(fromMarkup(markup)).toEqual({ text, mentioned: [ANN, ANNA] });
});

it("asks for a text after a slash that begins a word, and for a person in notes", () => {
  expect(askingAt("Hi /ret", 7, false)).toEqual({ kind: "text", query: "ret", from: 3, to: 7 });
  expect(askingAt("1/2", 3, true)).toBeNull();
  expect(askingAt("https://a", 9, true)).toBeNull();
  expect(askingAt("@An", 3, true)).toEqual({ kind: "person", query: "An", from: 0, to: 3 });
  expect(askingAt("@An", 3, false)).toBeNull();
  expect(askingAt("a@b", 3, true)).toBeNull();
});

it("finds by the beginnings of words", () => {
  expect(fits("ret lab", "returns-label")).toBe(true);
  expect(fits("turn", "returns")).toBe(false);
});
