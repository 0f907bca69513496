/** The order of a list, as the database has it (sql/51_views.sql), and what becomes of a list when some of its tickets
 *  have changed. Pure: nothing here reads or writes anything. */

export const SORTS = ["last_message_at", "number", "priority", "due_at"] as const;
export type Sort = (typeof SORTS)[number];
export type Order = { sort: Sort; ascending: boolean };

/** What a ticket's place in any order hangs on: with these a page says where the next one begins. */
export type Placed = {
  id: string;
  number: number;
  priority: string;
  last_message_at: string;
  first_response_due_at: string | null;
  next_response_due_at: string | null;
  resolution_due_at: string | null;
};

const PRIORITIES = ["low", "normal", "high", "urgent"];

/** The earliest time by which something is promised. */
export function dueAt(ticket: Placed): string | null {
  const times = [ticket.first_response_due_at, ticket.next_response_due_at, ticket.resolution_due_at];
  return times.reduce(
    (first, each) => (each && (!first || compareTimes(each, first) < 0) ? each : first),
    null,
  );
}

/** Times to the microsecond, of which Date knows only the thousands. */
export function compareTimes(one: string, other: string): number {
  return Date.parse(one) - Date.parse(other) || micros(one) - micros(other);
}
const micros = (time: string) => Number((/\.(\d+)/.exec(time)?.[1] ?? "").padEnd(6, "0").slice(3, 6));

export function compare(one: Placed, other: Placed, { sort, ascending }: Order): number {
  const by = byKey(one, other, sort) || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
  return ascending ? by : -by;
}

function byKey(one: Placed, other: Placed, sort: Sort): number {
  if (sort === "number") return one.number - other.number;
  if (sort === "priority") return PRIORITIES.indexOf(one.priority) - PRIORITIES.indexOf(other.priority);
  if (sort === "last_message_at") return compareTimes(one.last_message_at, other.last_message_at);
  const [due, otherDue] = [dueAt(one), dueAt(other)];
  // Nothing promised: after everything that is.
  if (!due || !otherDue) return Number(!due) - Number(!otherDue);
  return compareTimes(due, otherDue);
}

/** A list in which the tickets `changed` are as `found` has them: in their places, and no more in it where they are not found.
 *  What belongs behind the last one of a list that goes on is left for the next page. */
export function mend<T extends Placed>(
  rows: readonly T[],
  changed: ReadonlySet<string>,
  found: readonly T[],
  order: Order,
  isWhole: boolean,
): T[] {
  const kept = rows.filter((each) => !changed.has(each.id));
  const last = rows.at(-1);
  const fresh = found
    .filter((each) => isWhole || (last && compare(each, last, order) <= 0))
    .sort((one, other) => compare(one, other, order));
  const merged: T[] = [];
  let next = 0;
  for (const row of kept) {
    for (let each = fresh[next]; each && compare(each, row, order) < 0; each = fresh[next]) {
      merged.push(each);
      next++;
    }
    merged.push(row);
  }
  return [...merged, ...fresh.slice(next)];
}

/** A list whose beginning has been read anew. */
export function withTop<T extends Placed>(
  rows: readonly T[],
  top: readonly T[],
  order: Order,
  isAll: boolean,
): T[] {
  const last = top.at(-1);
  if (isAll || !last) return [...top];
  const here = new Set(top.map((each) => each.id));
  return [...top, ...rows.filter((each) => !here.has(each.id) && compare(each, last, order) > 0)];
}
