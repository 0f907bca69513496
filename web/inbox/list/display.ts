/** How a list is shown: kept in the browser, the same for every view. Which facts are shown of a ticket is the view's. */
import { useSyncExternalStore } from "react";

export type Density = "comfortable" | "compact";
const KEPT_UNDER = "pgdesk.list.density";
const heard = new Set<() => void>();

const kept = (): Density => (localStorage.getItem(KEPT_UNDER) === "compact" ? "compact" : "comfortable");

export function useDensity(): [Density, (density: Density) => void] {
  const density = useSyncExternalStore(listen, kept);
  return [density, choose];
}

function listen(changed: () => void): () => void {
  heard.add(changed);
  return () => void heard.delete(changed);
}

function choose(density: Density): void {
  localStorage.setItem(KEPT_UNDER, density);
  for (const each of heard) each();
}

/** What may be shown of a ticket beside who wrote about what. */
export const FACTS = [
  "number",
  "status",
  "priority",
  "tags",
  "team",
  "assignee",
  "due",
  "channel",
  "snippet",
] as const;
export type Fact = (typeof FACTS)[number];
const USUAL: readonly Fact[] = ["priority", "tags", "assignee", "due", "snippet"];

/** `columns` of a view; none: the usual ones. */
export function factsOf(columns: readonly string[] | undefined): ReadonlySet<Fact> {
  const chosen = FACTS.filter((each) => columns?.includes(each));
  return new Set(chosen.length > 0 ? chosen : USUAL);
}
