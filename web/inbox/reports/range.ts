/** The days that a report is about. Kept in the address: ?range=30d, or ?since=2026-01-01&until=2026-01-31. Days are UTC, as
 *  the database counts them. */
export const PRESETS = { "7d": 7, "30d": 30, "90d": 90, "365d": 365 } as const;
export type Preset = keyof typeof PRESETS;
export type Range = { since: string; until: string; preset: Preset | null };
export type Per = "day" | "week" | "month";

const DAY_MS = 86_400_000;
const FIRST: Preset = "30d";
const isDay = (text: string | null): text is string =>
  text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const isPreset = (text: string | null): text is Preset => text !== null && text in PRESETS;

export function readRange(query: URLSearchParams, now: number = Date.now()): Range {
  const [since, until, preset] = [query.get("since"), query.get("until"), query.get("range")];
  if (isDay(since) && isDay(until) && since <= until) return { since, until, preset: null };
  const chosen = isPreset(preset) ? preset : FIRST;
  return { since: dayOf(now - (PRESETS[chosen] - 1) * DAY_MS), until: dayOf(now), preset: chosen };
}

export const daysIn = ({ since, until }: Range): number =>
  (Date.parse(until) - Date.parse(since)) / DAY_MS + 1;

/** As many days, just before. */
export function before(range: Range): Range {
  const until = Date.parse(range.since) - DAY_MS;
  return { since: dayOf(until - (daysIn(range) - 1) * DAY_MS), until: dayOf(until), preset: null };
}

/** Few enough points to be told apart. */
export function perOf(range: Range): Per {
  const days = daysIn(range);
  return days <= 62 ? "day" : days <= 400 ? "week" : "month";
}

/** Every period of a range by its first day, as `metrics` names them: those without numbers have no row there. */
export function periodsOf(range: Range, per: Per): string[] {
  const found: string[] = [];
  let at = new Date(`${range.since}T00:00:00Z`);
  if (per === "week") at = new Date(at.getTime() - ((at.getUTCDay() + 6) % 7) * DAY_MS);
  if (per === "month") at.setUTCDate(1);
  while (at.toISOString().slice(0, 10) <= range.until) {
    found.push(at.toISOString().slice(0, 10));
    if (per === "month") at.setUTCMonth(at.getUTCMonth() + 1);
    else at = new Date(at.getTime() + (per === "week" ? 7 : 1) * DAY_MS);
  }
  return found;
}
