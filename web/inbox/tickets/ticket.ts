/** The ticket that is open: its row, with the names of what it refers to. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useOrganization } from "../shell/organization";

const COLUMNS =
  "*, contact:contacts!tickets_organization_id_contact_id_fkey(id, name, email, language), team:teams(id, name), category:ticket_categories(id, name)";

export type Ticket = Row<"tickets"> & {
  contact: { id: string; name: string | null; email: string | null; language: string | null } | null;
  team: { id: string; name: string } | null;
  category: { id: string; name: string } | null;
};

/** A ticket by the number that people call it. Kept under ["ticket", id]; the number is looked up once. */
export function useTicketByNumber(number: number) {
  const { ask } = useAsk();
  const id = useQuery(ask(number));
  const row = useTicket(id.data);
  return id.error ? { ...row, error: id.error, refetch: id.refetch } : row;
}

/** Reads a ticket that is likely to be opened next. */
export function usePrefetchTicket(): (number: number) => void {
  const queries = useQueryClient();
  const { ask } = useAsk();
  return useCallback((number) => void queries.prefetchQuery(ask(number)), [queries, ask]);
}

/** How a ticket is asked for by its number; what is found is kept as its row. */
function useAsk() {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const ask = useCallback(
    (number: number) =>
      queryOptions({
        queryKey: ["ticket-number", organization_id, number],
        staleTime: Number.POSITIVE_INFINITY,
        queryFn: async () => {
          const found = (await ok(
            client
              .from("tickets")
              .select(COLUMNS)
              .eq("organization_id", organization_id)
              .eq("number", number)
              .single(),
          )) as unknown as Ticket;
          queries.setQueryData(["ticket", found.id, "row"], found);
          return found.id;
        },
      }),
    [client, queries, organization_id],
  );
  return { ask };
}

export function useTicket(id: string | undefined) {
  const client = useClient();
  return useQuery({
    queryKey: ["ticket", id, "row"],
    enabled: id !== undefined,
    queryFn: async () =>
      (await ok(
        client
          .from("tickets")
          .select(COLUMNS)
          .eq("id", id as string)
          .single(),
      )) as unknown as Ticket,
  });
}
