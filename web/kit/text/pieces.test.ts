import { expect, it } from "vitest";
import { partsOf, piecesOf } from "./pieces";

it("finds addresses, without the full stop or bracket after them", () => {
  const links = piecesOf("See https://a.example/b_(c). Or (https://d.example), or ann@e.example.", false)
    .filter((each) => each.kind === "link")
    .map((each) => each.href);
  expect(links).toEqual(["https://a.example/b_(c)", "https://d.example", "mailto:ann@e.example"]);
});

it("makes nothing of script addresses", () => {
  expect(piecesOf("javascript:alert(1) data:text/html,x", true)).toEqual([
    { kind: "text", text: "javascript:alert(1) data:text/html,x" },
  ]);
});

it("names people and teams in notes only", () => {
  const text =
    "Hi @[Ann](01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10) and @[Desk](team:01993f2a-5c00-7b1e-9c41-4f2f0a6d7e11)";
  expect(piecesOf(text, true).filter((each) => each.kind === "mention")).toEqual([
    { kind: "mention", text: "Ann", id: "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", isTeam: false },
    { kind: "mention", text: "Desk", id: "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e11", isTeam: true },
  ]);
  expect(piecesOf(text, false)).toHaveLength(1);
});

it("tells what is new from what is repeated", () => {
  expect(partsOf("Yes.\n\nOn Monday you wrote:\n> Really?\n", "Yes.")).toEqual({
    fresh: "Yes.",
    quoted: "On Monday you wrote:\n> Really?",
  });
  expect(partsOf("All of it", null)).toEqual({ fresh: "All of it", quoted: "" });
});
