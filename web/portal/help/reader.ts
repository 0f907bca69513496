/** A reader who is not signed in: an id of this browser's own, which names nobody. */
const KEPT_UNDER = "pgdesk.reader";

export function readerId(): string {
  const kept = localStorage.getItem(KEPT_UNDER);
  if (kept) return kept;
  const made = crypto.randomUUID();
  localStorage.setItem(KEPT_UNDER, made);
  return made;
}
