/** What is found by words, as rows of a list. */
import type { Client } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import type { Page, TicketRow } from "../rows";

const FOUND = 30;

export async function readSearch(
  client: Client,
  organizationId: string,
  query: string,
  after: TicketRow | null,
): Promise<Page> {
  const found = await ok(
    client.rpc("search_tickets", {
      organization_id: organizationId,
      query,
      max_tickets: FOUND,
      ...(after?.rank === undefined ? {} : { before_rank: after.rank }),
    }),
  );
  const rows = found.map(
    ({ contact_name, contact_email, ...each }): TicketRow => ({
      ...each,
      first_response_due_at: null,
      next_response_due_at: null,
      resolution_due_at: null,
      snoozed_until: null,
      is_spam: false,
      unread: 0,
      preview: null,
      contact: { name: contact_name, email: contact_email },
    }),
  );
  return { rows, isLast: rows.length < FOUND };
}
