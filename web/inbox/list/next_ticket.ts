/** Where "send and next" leads. */
import { useEffect, useRef } from "react";
import { type CurrentList, useCurrentList } from "./source";
import { useTicketList } from "./tickets_query";

/** The address of the ticket after the open one in the list that is looked at; the one before it at the end, the list itself
 *  where there is no other. Still right when the open one has just left the list. */
export function useNextTicket(): string {
  const list = useCurrentList();
  const { rows } = useTicketList(list.source);
  const at = rows.findIndex((row) => row.number === list.number);
  // Where it stood while it was in the list: there the next one is now.
  const stood = useRef({ number: list.number, at });
  useEffect(() => {
    if (at >= 0 || stood.current.number !== list.number) stood.current = { number: list.number, at };
  }, [at, list.number]);
  const next =
    at >= 0 ? (rows[at + 1] ?? rows[at - 1]) : (rows[Math.max(stood.current.at, 0)] ?? rows.at(-1));
  return pathTo(list, next?.number);
}

const pathTo = (list: CurrentList, number: number | undefined) => list.pathOf(number);
