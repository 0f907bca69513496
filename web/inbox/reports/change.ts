/** How a number stands to that of the period before. */
export type Change = { percent: number; isGood: boolean | null } | null;

/** Null where there is nothing to compare with. `better`: which way is good; null where neither is. */
export function changeOf(
  now: number | null | undefined,
  then: number | null | undefined,
  better: "up" | "down" | null,
): Change {
  if (now === null || now === undefined || !then) return null;
  const percent = Math.round(((now - then) / then) * 100);
  return {
    percent,
    isGood: better === null || percent === 0 ? null : better === "up" ? percent > 0 : percent < 0,
  };
}
