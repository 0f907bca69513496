/** Times as people say them. */
import { useMemo } from "react";
import { useLanguage } from ".";

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const WEEK_MS = 6.5 * 86_400_000;

/** "3 hours ago", "in 2 days"; within a minute "now". */
export function relative(
  at: Date,
  language: string,
  now: Date = new Date(),
  style: Intl.RelativeTimeFormatStyle = "long",
): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style });
  const step = STEPS.find(([, size]) => Math.abs(seconds) >= size);
  return step ? format.format(Math.trunc(seconds / step[1]), step[0]) : format.format(0, "second");
}

const WEEK_S = 604_800;

export function ago(at: Date, language: string, now: Date = new Date()): string {
  const seconds = Math.max(0, (now.getTime() - at.getTime()) / 1000);
  if (seconds >= WEEK_S) {
    const isThisYear = at.getFullYear() === now.getFullYear();
    return new Intl.DateTimeFormat(language, {
      day: "numeric",
      month: "short",
      ...(isThisYear ? {} : { year: "2-digit" }),
    }).format(at);
  }
  const [unit, size] = STEPS.find(([, each]) => seconds >= each) ?? ["second", 1];
  if (unit === "second") return relative(now, language, now, "narrow");
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "narrow" }).format(
    Math.trunc(seconds / size),
  );
}

/** Formatters in the reader's language and time zone. */
export function useTimes() {
  const { language } = useLanguage();
  return useMemo(() => {
    const full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
    const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
    const moment = new Intl.DateTimeFormat(language, {
      weekday: "short",
      day: "numeric",
      month: "short",
      hour: "numeric",
      minute: "2-digit",
    });
    const soon = new Intl.DateTimeFormat(language, { weekday: "short", hour: "numeric", minute: "2-digit" });
    const dayMonth = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
    const dayShort = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
    const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
    return {
      relative: (at: string | Date) => relative(new Date(at), language),
      short: (at: string | Date) => relative(new Date(at), language, new Date(), "narrow"),
      /** "19m", "3h", "2d"; after a week the day: for columns of times that have been. */
      ago: (at: string | Date) => ago(new Date(at), language),
      full: (at: string | Date) => full.format(new Date(at)),
      day: (at: string | Date) => day.format(new Date(at)),
      /** "Mon 09:00" within the week before or to come, else "2 Feb". */
      soon: (at: string | Date) =>
        (Math.abs(new Date(at).getTime() - Date.now()) < WEEK_MS ? soon : dayMonth).format(new Date(at)),
      /** "Mon, 2 Feb, 09:00". */
      moment: (at: string | Date) => moment.format(new Date(at)),
      /** Of a day of the calendar, "2026-03-01": without a time zone it is the same day everywhere. */
      dayShort: (day: string) => dayShort.format(new Date(day)),
      clock: (at: string | Date) => clock.format(new Date(at)),
      /** "2 h 5 min" of seconds. */
      duration: (seconds: number) => durationOf(seconds, language),
    };
  }, [language]);
}

export function durationOf(seconds: number, language: string): string {
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(language, {
      style: "unit",
      unit: name,
      unitDisplay: "short",
      maximumFractionDigits: 0,
    }).format(value);
  const whole = Math.round(Math.abs(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor((whole % 86_400) / 3_600),
    Math.floor((whole % 3_600) / 60),
  ];
  const parts = days
    ? [unit(days, "day"), hours && unit(hours, "hour")]
    : hours
      ? [unit(hours, "hour"), minutes && unit(minutes, "minute")]
      : minutes
        ? [unit(minutes, "minute")]
        : [unit(whole, "second")];
  return parts.filter(Boolean).join(" ");
}
