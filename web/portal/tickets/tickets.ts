/** The reader's own tickets at this desk, kept fresh by the change stream. */
import { type Client, type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Me } from "../account/for_contacts";
import { useCentre } from "../shell/centre";

export type Ticket = Pick<
  Row<"tickets">,
  | "id"
  | "number"
  | "subject"
  | "status"
  | "status_category"
  | "created_at"
  | "last_message_at"
  | "last_answer_at"
  | "last_answer_by"
  | "merged_into"
  | "resolved_at"
  | "contact_id"
> & { preview: string | null; contact_reads: { read_at: string }[] };

const COLUMNS =
  "id, number, subject, status, status_category, created_at, last_message_at, last_answer_at, last_answer_by, merged_into, resolved_at, contact_id, preview, contact_reads(read_at)";
const PAGE = 30;

/** Somebody has answered since the reader last looked. */
export const hasNews = ({ last_answer_at, contact_reads }: Ticket): boolean =>
  last_answer_at !== null && !contact_reads.some((each) => each.read_at >= last_answer_at);

export function useTickets(me: Me) {
  const client = useClient();
  const { id } = useCentre();
  return useInfiniteQuery({
    queryKey: ["tickets", id, me.contactId],
    initialPageParam: null as Ticket | null,
    queryFn: ({ pageParam: last }) => readPage(client, id, me.contactId, last),
    getNextPageParam: (page) => (page.length < PAGE ? null : page.at(-1)),
  });
}

async function readPage(client: Client, organizationId: string, contactId: string, last: Ticket | null) {
  let query = client
    .from("tickets")
    .select(COLUMNS)
    .eq("organization_id", organizationId)
    .eq("contact_id", contactId)
    .is("merged_into", null)
    .order("last_message_at", { ascending: false })
    .order("id", { ascending: false })
    .limit(PAGE);
  if (last)
    query = query.or(
      `last_message_at.lt."${last.last_message_at}",and(last_message_at.eq."${last.last_message_at}",id.lt.${last.id})`,
    );
  return (await ok(query)) as Ticket[];
}

/** Null: the reader has none with this number. */
export function useTicket(me: Me, number: number) {
  const client = useClient();
  const { id } = useCentre();
  return useQuery({
    queryKey: ["ticket", id, number, me.contactId],
    queryFn: async () =>
      (await ok(
        client
          .from("tickets")
          .select(COLUMNS)
          .eq("organization_id", id)
          .eq("contact_id", me.contactId)
          .eq("number", number)
          .maybeSingle(),
      )) as Ticket | null,
  });
}

/** Reads the reader's tickets anew when one of them changes, and when the connection is there again. */
export function useFollowTickets(me: Me): void {
  const client = useClient();
  const queries = useQueryClient();
  const { contactId } = me;
  useEffect(() => {
    const refresh = () => {
      void queries.invalidateQueries({ queryKey: ["tickets"] });
      void queries.invalidateQueries({ queryKey: ["ticket"] });
    };
    const channel = client
      .channel(`tickets of ${contactId}`)
      .on(
        "postgres_changes",
        { event: "*", schema: "public", table: "tickets", filter: `contact_id=eq.${contactId}` },
        refresh,
      )
      // What happened before it was joined, or while it was lost, was told to nobody here.
      .subscribe((status) => status === "SUBSCRIBED" && refresh());
    return () => void client.removeChannel(channel);
  }, [client, queries, contactId]);
}
