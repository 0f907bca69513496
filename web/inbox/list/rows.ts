/** A ticket as lists show it, and the lists that are kept: ["ticket-list", <organization id>, <source>]. They are not read
 *  anew when something happens but mended (mending.ts), so however many pages are there, one event costs one row. */
import type { Row } from "@kit/api/client";
import type { InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";
import type { Source } from "./source";

export const COLUMNS =
  "id, number, subject, status, status_category, priority, channel, category_id, contact_id, team_id, assignee_id, tags, is_spam, " +
  "last_seq, last_message_at, first_response_due_at, next_response_due_at, resolution_due_at, snoozed_until, created_at, unread, preview, " +
  "contact:contacts!tickets_organization_id_contact_id_fkey(name, email)";

export type TicketRow = Pick<
  Row<"tickets">,
  | "id"
  | "number"
  | "subject"
  | "status"
  | "status_category"
  | "priority"
  | "channel"
  | "contact_id"
  | "team_id"
  | "assignee_id"
  | "tags"
  | "last_message_at"
  | "first_response_due_at"
  | "next_response_due_at"
  | "resolution_due_at"
  | "created_at"
> & {
  is_spam: boolean;
  snoozed_until: string | null;
  unread: number;
  contact: { name: string | null; email: string | null } | null;
  /** How the latest message begins. */
  preview: string | null;
  /** Where a search found its words. */
  snippet?: string | undefined;
  rank?: number | undefined;
};

export type Page = { rows: TicketRow[]; isLast: boolean };
export type Pages = InfiniteData<Page, unknown>;

export const listKey = (organizationId: string, source: Source): QueryKey => [
  "ticket-list",
  organizationId,
  source,
];

/** Writes rows back as one page: the next one begins after its last row. */
export const asPages = (rows: TicketRow[], isLast: boolean): Pages => ({
  pages: [{ rows, isLast }],
  pageParams: [null],
});

export const rowsOf = (pages: Pages | undefined): TicketRow[] => {
  const first = pages?.pages[0];
  if (!pages || !first) return NONE;
  return pages.pages.length === 1 ? first.rows : pages.pages.flatMap((each) => each.rows);
};
const NONE: TicketRow[] = [];

/** Changes rows in every list where they stand; their places are mended when the desk tells of the change. */
export function patchRows(
  queries: QueryClient,
  organizationId: string,
  change: (row: TicketRow) => TicketRow,
): void {
  queries.setQueriesData<Pages>({ queryKey: ["ticket-list", organizationId] }, (old) => {
    if (!old) return old;
    let isChanged = false;
    const pages = old.pages.map((page) => {
      const rows = page.rows.map((row) => {
        const next = change(row);
        isChanged ||= next !== row;
        return next;
      });
      return { ...page, rows };
    });
    return isChanged ? { ...old, pages } : old;
  });
}

/** Takes the mark of something new off a ticket, wherever it is listed. */
export const showAsRead = (queries: QueryClient, organizationId: string, ticketId: string): void =>
  patchRows(queries, organizationId, (row) =>
    row.id === ticketId && row.unread > 0 ? { ...row, unread: 0 } : row,
  );

/** Rows of any list, each ticket once. */
export function findRows(
  queries: QueryClient,
  organizationId: string,
  isIt: (row: TicketRow) => boolean,
): TicketRow[] {
  const found = new Map<string, TicketRow>();
  for (const [, pages] of queries.getQueriesData<Pages>({ queryKey: ["ticket-list", organizationId] }))
    for (const row of rowsOf(pages)) if (isIt(row)) found.set(row.id, row);
  return [...found.values()];
}
