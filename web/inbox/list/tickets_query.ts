/** A list's tickets, page after page by the last ticket of the page before: the thousandth costs what the first does. */
import { type Client, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { keepPreviousData, type QueryClient, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useOrganization } from "../shell/organization";
import type { Order } from "./order";
import { COLUMNS, listKey, type Page, type Pages, rowsOf, type TicketRow } from "./rows";
import { readSearch } from "./search/read_search";
import type { Source } from "./source";
import { orderOf, type View } from "./views";

/** The first page is what a screen shows, the next ones what a flick of the wheel passes. */
const FIRST = 40;
const NEXT = 80;

export function useTicketList(source: Source | null) {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const query = useInfiniteQuery({
    queryKey: listKey(organization_id, source ?? { kind: "search", query: "" }),
    enabled: source !== null && (source.kind === "view" || source.query.trim() !== ""),
    // Kept fresh by mending alone.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10 * 60_000,
    structuralSharing: false,
    // What was found stays while more words are typed.
    ...(source?.kind === "search" ? { placeholderData: keepPreviousData } : {}),
    initialPageParam: null as TicketRow | null,
    queryFn: ({ pageParam }) => readPage(client, queries, organization_id, source as Source, pageParam),
    getNextPageParam: (page: Page) => (page.isLast ? undefined : page.rows.at(-1)),
  });
  const rows = useMemo(() => rowsOf(query.data as Pages | undefined), [query.data]);
  return { ...query, rows };
}

export async function readPage(
  client: Client,
  queries: QueryClient,
  organizationId: string,
  source: Source,
  after: TicketRow | null,
): Promise<Page> {
  if (source.kind === "search") return readSearch(client, organizationId, source.query, after);
  const max_tickets = after ? NEXT : FIRST;
  const cursor = after ? { after: placeOf(after) } : {};
  const view = source.order && (await viewOf(client, queries, organizationId, source.view));
  const rows = (await ok(
    view
      ? client
          .rpc("filter_tickets", {
            organization_id: organizationId,
            conditions: view.conditions,
            ...(source.order as Order),
            max_tickets,
            ...cursor,
          })
          .select(COLUMNS)
      : client.rpc("view_tickets", { view_id: source.view, max_tickets, ...cursor }).select(COLUMNS),
  )) as unknown as TicketRow[];
  return { rows, isLast: rows.length < max_tickets };
}

/** What the database needs to go on after a ticket. */
const placeOf = (row: TicketRow) => ({
  id: row.id,
  number: row.number,
  priority: row.priority,
  last_message_at: row.last_message_at,
  first_response_due_at: row.first_response_due_at,
  next_response_due_at: row.next_response_due_at,
  resolution_due_at: row.resolution_due_at,
});

async function viewOf(client: Client, queries: QueryClient, organizationId: string, id: string) {
  const known = queries.getQueryData<View[]>(["views", organizationId])?.find((each) => each.id === id);
  return (
    known ?? ((await ok(client.from("ticket_views").select("*").eq("id", id).single())) as unknown as View)
  );
}

/** Those of the tickets with these numbers that belong in the list. */
export async function readSome(
  client: Client,
  queries: QueryClient,
  organizationId: string,
  source: Source,
  numbers: number[],
): Promise<{ rows: TicketRow[]; order: Order | null }> {
  if (source.kind === "search") {
    const rows = (await ok(
      client.from("tickets").select(COLUMNS).eq("organization_id", organizationId).in("number", numbers),
    )) as unknown as TicketRow[];
    return { rows, order: null };
  }
  const view = await viewOf(client, queries, organizationId, source.view);
  const order = source.order ?? orderOf(view);
  const among = { any: numbers.map((number) => ({ field: "number", op: "is", value: number })) };
  const rows = (await ok(
    client
      .rpc("filter_tickets", {
        organization_id: organizationId,
        conditions: { all: [view.conditions, among] },
        ...order,
        max_tickets: numbers.length,
      })
      .select(COLUMNS),
  )) as unknown as TicketRow[];
  return { rows, order };
}
