/** When a ticket may come back, as people say it: mornings are at nine, where they are. */
export type SnoozeWord = "laterToday" | "tomorrow" | "nextWeek" | "inTwoWeeks";

const MORNING = 9;
const LATER_HOURS = 3;
/** "Later today" is offered until it would be late at night. */
const LATEST = 21;

export function snoozeTimes(now: Date): { word: SnoozeWord; at: Date }[] {
  const morning = (days: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING, 0, 0, 0);
  const later = new Date(now.getFullYear(), now.getMonth(), now.getDate(), now.getHours() + LATER_HOURS);
  const untilMonday = (8 - now.getDay()) % 7 || 7;
  return [
    ...(later.getDate() === now.getDate() && later.getHours() <= LATEST
      ? [{ word: "laterToday" as const, at: later }]
      : []),
    { word: "tomorrow", at: morning(1) },
    ...(untilMonday > 1 ? [{ word: "nextWeek" as const, at: morning(untilMonday) }] : []),
    { word: "inTwoWeeks", at: morning(14) },
  ];
}

/** As an `<input type="datetime-local">` has it. */
export function localInput(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
