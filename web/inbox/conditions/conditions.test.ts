import { expect, test } from "vitest";
import { asked, type Condition, fromTree, isUnfinished, toTree } from "./conditions";

const urgent: Condition = { field: "priority", op: "is", value: "urgent" };
const mail: Condition = { field: "channel", op: "in", value: ["email"] };

test("what is edited is what was kept", () => {
  for (const kept of [
    { all: [] },
    { all: [urgent, { any: [mail, { all: [urgent, mail] }] }] },
    { not: { any: [urgent, mail] } },
    { any: [{ not: { any: [{ all: [urgent] }] } }] },
  ] satisfies Condition[])
    expect(fromTree(toTree(kept))).toEqual(kept);
});

test("a question alone, and a negation of anything, become groups that mean the same", () => {
  expect(fromTree(toTree(urgent))).toEqual({ all: [urgent] });
  expect(fromTree(toTree({ not: { all: [urgent, mail] } }))).toEqual({
    not: { any: [{ all: [urgent, mail] }] },
  });
});

test("another operator keeps the value where it fits", () => {
  expect(asked(urgent, { op: "in" }, "choice")).toEqual({
    field: "priority",
    op: "in",
    value: ["urgent"],
  });
  expect(asked(mail, { op: "is" }, "choice").value).toBe("email");
  expect(asked(mail, { op: "is_set" }, "choice")).toEqual({ field: "channel", op: "is_set" });
  expect(asked(mail, { field: "created_at" }, "instant")).toEqual({
    field: "created_at",
    op: "above",
    value: "2 days ago",
  });
});

test("what has no value yet is unfinished, however deep", () => {
  expect(isUnfinished({ all: [urgent, { not: { field: "subject", op: "contains", value: "" } }] })).toBe(
    true,
  );
  expect(isUnfinished({ all: [urgent, { field: "subject", op: "is_set" }] })).toBe(false);
});
