/** Which read data an event makes old. Keys of queries begin with the name of what they hold:
 *
 *      ["ticket", <ticket id>, …]          one ticket and all that hangs on it
 *      ["tickets", <organization id>, …]   lists of tickets
 *      ["counts", <organization id>, …]    how many are where
 *      [<noun>, <organization id>, …]      everything else: "contacts", "rooms", "articles", "members", …
 */
import type { DeskEvent } from "@kit/live";
import type { QueryClient, QueryKey } from "@tanstack/react-query";

/** Lists and counts are read anew at most this often, however much happens. */
const LISTS_MS = 400;
const waiting = new Map<string, ReturnType<typeof setTimeout>>();

export function refreshFor(queries: QueryClient, organizationId: string, event: DeskEvent): void {
  for (const id of ticketsOf(event)) void queries.invalidateQueries({ queryKey: ["ticket", id] });
  const noun = event.type.split(".")[0] ?? "";
  if (event.ticket_id || noun === "ticket") {
    later(queries, ["tickets", organizationId]);
    later(queries, ["counts", organizationId]);
  }
  if (noun === "contact") void queries.invalidateQueries({ queryKey: ["contact", event.subject_id] });
  if (noun !== "ticket") later(queries, [`${noun}s`, organizationId]);
}

function ticketsOf({ ticket_id, data }: DeskEvent): string[] {
  const others = [data.into_ticket_id, data.from_ticket_id, data.to_ticket_id];
  return [...new Set([ticket_id, ...others].filter((id): id is string => typeof id === "string"))];
}

function later(queries: QueryClient, queryKey: QueryKey): void {
  const name = queryKey.join("/");
  if (waiting.has(name)) return;
  waiting.set(
    name,
    setTimeout(() => {
      waiting.delete(name);
      void queries.invalidateQueries({ queryKey });
    }, LISTS_MS),
  );
}
