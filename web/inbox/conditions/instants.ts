/** Times in conditions: "now", "today", a moment, or so much before or after now. */
export const UNITS = ["minute", "hour", "day", "week"] as const;
export type Unit = (typeof UNITS)[number];
export type Instant =
  | { kind: "now" | "today" }
  | { kind: "at"; at: string }
  | { kind: "ago" | "ahead"; count: number; unit: Unit };

export function readInstant(value: string): Instant {
  if (value === "now" || value === "today") return { kind: value };
  const found = /^(\d+) (minute|hour|day|week)s?( ago)?$/.exec(value.trim());
  if (found) return { kind: found[3] ? "ago" : "ahead", count: Number(found[1]), unit: found[2] as Unit };
  return { kind: "at", at: value };
}

export function writeInstant(instant: Instant): string {
  if (instant.kind === "at") return instant.at;
  if (!("count" in instant)) return instant.kind;
  const many = `${instant.count} ${instant.unit}${instant.count === 1 ? "" : "s"}`;
  return instant.kind === "ago" ? `${many} ago` : many;
}
