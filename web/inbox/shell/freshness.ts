/** Which read data an event makes old. Keys of queries begin with the name of what they hold:
 *
 *      ["ticket", <ticket id>, …]          one ticket and all that hangs on it
 *      ["ticket-list", …]                  the inbox's lists, which mend themselves by what is noted here (inbox/list)
 *      ["tickets", <organization id>, …]   other lists of tickets
 *      ["counts", <organization id>, …]    how many are where
 *      [<noun>, <organization id>, …]      everything else: "contacts", "rooms", "articles", "members", …
 */
import type { DeskEvent } from "@kit/live";
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { noteChanges, noteReload } from "../list/changes";
import { findRows } from "../list/rows";

/** Lists are read anew at most this often, however much happens; counts, which cost more and are looked at less, seldomer. */
const LISTS_MS = 400;
const TICKET_MS = 60;
const COUNTS_MS = 1_500;
const waiting = new Map<string, ReturnType<typeof setTimeout>>();

export function refreshFor(queries: QueryClient, organizationId: string, event: DeskEvent): void {
  const tickets = ticketsOf(event);
  noteChanges(organizationId, tickets);
  // Together what happens together: a read that is begun anew with every event ends with none.
  for (const id of tickets) later(queries, ["ticket", id], TICKET_MS);
  const noun = event.type.split(".")[0] ?? "";
  if (event.ticket_id || noun === "ticket") {
    later(queries, ["tickets", organizationId]);
    later(queries, ["counts", organizationId], COUNTS_MS);
  }
  if (noun === "contact") {
    void queries.invalidateQueries({ queryKey: ["contact", event.subject_id] });
    const theirs = findRows(queries, organizationId, (row) => row.contact_id === event.subject_id);
    noteChanges(
      organizationId,
      theirs.map((row) => row.id),
    );
  }
  if (noun !== "ticket") later(queries, [`${noun}s`, organizationId]);
}

function ticketsOf({ ticket_id, data }: DeskEvent): string[] {
  const others = [data.into_ticket_id, data.from_ticket_id, data.to_ticket_id];
  return [...new Set([ticket_id, ...others].filter((id): id is string => typeof id === "string"))];
}

/** What is known is too old to be mended by events. */
export function refreshAll(queries: QueryClient, organizationId: string): void {
  noteReload(organizationId);
  void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "ticket-list" });
}

function later(queries: QueryClient, queryKey: QueryKey, ms = LISTS_MS): void {
  const name = queryKey.join("/");
  if (waiting.has(name)) return;
  waiting.set(
    name,
    setTimeout(() => {
      waiting.delete(name);
      void queries.invalidateQueries({ queryKey });
    }, ms),
  );
}
