import { expect, test } from "vitest";
import { compare, compareTimes, dueAt, mend, type Order, type Placed, withTop } from "./order";

const at = (minute: number) => `2026-01-01T10:${String(minute).padStart(2, "0")}:00.123456+00:00`;
const ticket = (number: number, minute = number, more: Partial<Placed> = {}): Placed => ({
  id: `id${String(number).padStart(3, "0")}`,
  number,
  priority: "normal",
  last_message_at: at(minute),
  first_response_due_at: null,
  next_response_due_at: null,
  resolution_due_at: null,
  ...more,
});
const newestFirst: Order = { sort: "last_message_at", ascending: false };
const numbers = (rows: Placed[]) => rows.map((each) => each.number);

test("times differ by microseconds", () => {
  expect(compareTimes("2026-01-01T10:00:00.123+00:00", "2026-01-01T10:00:00.123001+00:00")).toBeLessThan(0);
  expect(compareTimes("2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00+01:00")).toBe(0);
});

test("what is due first comes first, what is never due last", () => {
  const soon = ticket(1, 1, { next_response_due_at: at(5), resolution_due_at: at(3) });
  const later = ticket(2, 2, { first_response_due_at: at(9) });
  expect(dueAt(soon)).toBe(at(3));
  const byDue = [ticket(3), later, soon].sort((one, other) =>
    compare(one, other, { sort: "due_at", ascending: true }),
  );
  expect(numbers(byDue)).toEqual([1, 2, 3]);
});

test("a changed ticket moves to its new place, comes in, and goes", () => {
  const rows = [ticket(9), ticket(7), ticket(5), ticket(3)];
  const moved = ticket(3, 8);
  expect(numbers(mend(rows, new Set([moved.id]), [moved], newestFirst, true))).toEqual([9, 3, 7, 5]);
  const fresh = ticket(10);
  expect(numbers(mend(rows, new Set([fresh.id]), [fresh], newestFirst, true))).toEqual([10, 9, 7, 5, 3]);
  expect(numbers(mend(rows, new Set(["id007"]), [], newestFirst, true))).toEqual([9, 5, 3]);
});

test("what belongs to a page that is not read yet stays there", () => {
  const rows = [ticket(9), ticket(7)];
  const older = ticket(2);
  expect(numbers(mend(rows, new Set([older.id]), [older], newestFirst, false))).toEqual([9, 7]);
  expect(numbers(mend(rows, new Set([older.id]), [older], newestFirst, true))).toEqual([9, 7, 2]);
});

test("rows that did not change are the same objects", () => {
  const rows = [ticket(9), ticket(7)];
  expect(mend(rows, new Set(["id007"]), [ticket(7, 7)], newestFirst, true)[0]).toBe(rows[0]);
});

test("a new first page takes the place of the old one", () => {
  const rows = [ticket(9), ticket(8), ticket(7), ticket(6), ticket(5)];
  expect(numbers(withTop(rows, [ticket(6, 20), ticket(9), ticket(7)], newestFirst, false))).toEqual([
    6, 9, 7, 5,
  ]);
  expect(numbers(withTop(rows, [ticket(9)], newestFirst, true))).toEqual([9]);
});
