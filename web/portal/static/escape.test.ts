import { expect, test } from "vitest";
import { escaped, json } from "./escape";

test("what somebody has written ends neither an attribute nor an element", () => {
  expect(escaped(`"><script>'&`)).toBe("&quot;&gt;&lt;script&gt;&#39;&amp;");
  expect(json({ a: "</script><script>" })).not.toContain("<");
});
