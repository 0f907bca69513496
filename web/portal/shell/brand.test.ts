import { expect, test } from "vitest";
import { brandTokens, contrast, parse } from "./brand";

test("any colour is readable on light and on dark, on its soft ground, and under what is written on it", () => {
  for (const color of ["#ffe600", "#000000", "#ffffff", "#1f6f54", "#ff0055", "#777777", "#0b1d51"]) {
    const tokens = brandTokens(color);
    const of = (name: string) =>
      [...(tokens[name] ?? "").matchAll(/#[0-9a-f]{6}/g)].map(([each]) => parse(each)) as ReturnType<
        typeof parse
      >[];
    for (const side of [0, 1]) {
      const [accent, soft, ink] = ["--accent", "--accent-soft", "--text-on-accent"].map(
        (name) => of(name)[side],
      );
      expect(contrast(accent as never, soft as never), color).toBeGreaterThan(4.5);
      expect(contrast(accent as never, ink as never), color).toBeGreaterThan(4.5);
      expect(contrast(accent as never, parse(side ? "#17191e" : "#ffffff")), color).toBeGreaterThan(4.5);
    }
  }
});

test("what is no colour changes nothing", () => {
  expect(brandTokens(null)).toEqual({});
  expect(brandTokens("red;}")).toEqual({});
});
