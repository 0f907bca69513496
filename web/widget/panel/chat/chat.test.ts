import { describe, expect, it } from "vitest";
import { shadowed } from "../../loader/dress";
import { spokenOf } from "../../loader/word";
import { withDelta } from "./reply";
import { cited, partsOf } from "./sources";

const part = (index: number, text: string, more = {}) => ({ reply_id: "a", seq: 1, index, text, ...more });

describe("an answer that is being made", () => {
  it("grows part by part", () => {
    const first = withDelta(null, part(0, "One."), 1);
    expect(withDelta(first, part(1, " Two."), 1)?.text).toBe("One. Two.");
  });
  it("begins anew with another answer", () => {
    const first = withDelta(null, part(0, "One."), 1);
    expect(withDelta(first, part(0, "Uno.", { reply_id: "b" }), 1)?.text).toBe("Uno.");
  });
  it("is left as it is where a part is missing", () => {
    const first = withDelta(null, part(0, "One."), 1);
    expect(withDelta(first, part(2, " Three."), 1)?.text).toBe("One.");
    expect(withDelta(null, part(1, " Two."), 1)).toBeNull();
  });
  it("is not begun over a newer message", () => {
    expect(withDelta(null, part(0, "One."), 2)).toBeNull();
  });
});

describe("what an answer rests on", () => {
  it("stands at its end", () => {
    expect(cited("Thirty days. [1]\n\n[1] Return an item\n[2] Delivery")).toEqual({
      text: "Thirty days. [1]",
      sources: [
        { number: 1, title: "Return an item" },
        { number: 2, title: "Delivery" },
      ],
    });
  });
  it("is nothing that only looks like it", () => {
    for (const body of [
      "Hello [1] there",
      "See\n\n[2] Not the first",
      "Text\n[1] without a gap",
      "[1] alone",
    ])
      expect(cited(body)).toEqual({ text: body, sources: [] });
  });
  it("is cited in the text; addresses of the web are links, others are not", () => {
    expect(partsOf("See https://a.example/x. [1] [7] javascript:alert(1)", 1)).toEqual([
      { kind: "text", text: "See " },
      { kind: "link", text: "https://a.example/x", href: "https://a.example/x" },
      { kind: "text", text: ".\u00a0" },
      { kind: "mark", number: 1 },
      { kind: "text", text: " [7] javascript:alert(1)" },
    ]);
  });
});

describe("on a foreign page", () => {
  it("sizes do not follow the page's, and the theme is the widget's own", () => {
    expect(shadowed(":root{--a:.5rem}[data-theme=dark]{--b:1rem}")).toBe(
      ".ground{--a:8px}.ground[data-theme=dark]{--b:16px}",
    );
  });
  it("the drawer is that of whom the site speaks", () => {
    const word = (said: object) => `x.${btoa(JSON.stringify(said)).replace(/=+$/, "")}.y`;
    expect(spokenOf(word({ sub: "42", email: "ann@people.example" }))).toBe("42");
    expect(spokenOf(word({ email: "ann@people.example" }))).toBe("ann@people.example");
    expect(spokenOf("garbage")).toBeNull();
  });
});
