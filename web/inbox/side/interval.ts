/** Seconds of an interval as Postgres writes it: "1 day 16:00:00", "-00:30:00", "00:00:01.5". */
export function secondsOf(interval: string): number {
  let seconds = 0;
  for (const [, count, unit] of interval.matchAll(/(-?\d+) (year|mon|day)s?/g))
    seconds += Number(count) * (unit === "day" ? 86_400 : unit === "mon" ? 30 * 86_400 : 365 * 86_400);
  const clock = /(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?)/.exec(interval);
  if (!clock) return seconds;
  const [, sign, hours, minutes, rest] = clock;
  const time = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
  return seconds + (sign ? -time : time);
}
