/** What the AI has written in a ticket: what waits for a person, and what has gone out. */
import { type Client, type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useEvents } from "@kit/live";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import type { Citation } from "./cite";

export type Draft = Pick<
  Row<"drafts">,
  | "id"
  | "message_id"
  | "status"
  | "decision"
  | "reasons"
  | "confidence"
  | "source"
  | "body_text"
  | "sent_message_id"
  | "created_at"
> & { citations: Citation[] };

const COLUMNS =
  "id, message_id, status, decision, reasons, confidence, source, body_text, sent_message_id, created_at, citations:draft_citations(ordinal, sentence, support, chunk_id, article_id, chunk:chunks(title, heading, text, retired_at))";
const MOST = 20;

const draftsKey = (ticketId: string) => ["ticket", ticketId, "drafts"] as const;

export function useDrafts(ticketId: string): { open: Draft | undefined; sent: ReadonlyMap<string, Draft> } {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const { data } = useQuery({
    queryKey: draftsKey(ticketId),
    queryFn: async () =>
      (await ok(
        client
          .from("drafts")
          .select(COLUMNS)
          .eq("organization_id", organization_id)
          .eq("ticket_id", ticketId)
          .order("id", { ascending: false })
          .limit(MOST),
      )) as unknown as Draft[],
    select: (all) => ({
      open: all.find(
        ({ status, body_text }) => (status === "open" || status === "stale") && body_text.trim(),
      ),
      sent: new Map(all.flatMap((each) => (each.sent_message_id ? [[each.sent_message_id, each]] : []))),
    }),
  });
  // An article that has changed makes drafts stale in tickets that it says nothing of.
  useEvents((event) => {
    if (event.type === "article.reindexed") void queries.invalidateQueries({ queryKey: draftsKey(ticketId) });
  });
  return data ?? NONE;
}

const NONE = { open: undefined, sent: new Map<string, Draft>() };

/** Puts a draft aside, at once; what was wrong with it teaches the desk. */
export async function rejectDraft(client: Client, draftId: string, comment: string): Promise<void> {
  await ok(client.rpc("reject_draft", { draft_id: draftId, comment }));
}
