/** Stretches of time as PostgreSQL writes them ("7 days", "04:00:00", "1 day 02:30:00"), and as a number of a unit. */
export const SPANS = ["minute", "hour", "day"] as const;
export type Span = (typeof SPANS)[number];
export type Duration = { count: number; unit: Span };

const MINUTES: Record<Span, number> = { minute: 1, hour: 60, day: 1440 };

export function readDuration(text: string): Duration {
  const days = Number(/(\d+) days?/.exec(text)?.[1] ?? 0);
  const months = Number(/(\d+) mons?/.exec(text)?.[1] ?? 0);
  const years = Number(/(\d+) years?/.exec(text)?.[1] ?? 0);
  const [, hours = "0", minutes = "0"] = /(\d+):(\d+):\d+/.exec(text) ?? [];
  // Read back before it is sent: "40 hours", "30 minutes".
  const written = /^(\d+) (minute|hour)s?$/.exec(text);
  if (written) return { count: Number(written[1]), unit: written[2] as Span };
  const wholeDays = days + months * 30 + years * 365;
  const rest = Number(hours) * 60 + Number(minutes);
  if (rest === 0) return { count: wholeDays, unit: "day" };
  const all = wholeDays * 1440 + rest;
  return all % 60 === 0 ? { count: all / 60, unit: "hour" } : { count: all, unit: "minute" };
}

export const writeDuration = ({ count, unit }: Duration): string =>
  `${count} ${unit}${count === 1 ? "" : "s"}`;

export const minutesOf = (text: string): number => {
  const { count, unit } = readDuration(text);
  return count * MINUTES[unit];
};
