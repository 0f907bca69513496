/** What was said in a ticket, newest page first, kept fresh by the ticket's topic. */
import { type Client, type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useCentre } from "../shell/centre";

export type Attachment = Pick<
  Row<"attachments">,
  "id" | "file_name" | "content_type" | "detected_type" | "bytes" | "verdict" | "storage_path" | "is_inline"
>;
export type Message = Pick<
  Row<"messages">,
  "id" | "seq" | "sender" | "member_id" | "contact_id" | "body_text" | "reply_text" | "created_at"
> & { authors: { name: string; avatar_path: string | null } | null; attachments: Attachment[] };

const COLUMNS =
  "id, seq, sender, member_id, contact_id, body_text, reply_text, created_at, authors(name, avatar_path), attachments(id, file_name, content_type, detected_type, bytes, verdict, storage_path, is_inline)";
const PAGE = 40;

export function useMessages(ticketId: string) {
  const client = useClient();
  const { id } = useCentre();
  return useInfiniteQuery({
    queryKey: ["messages", ticketId],
    initialPageParam: "",
    queryFn: ({ pageParam: before }) => readPage(client, id, ticketId, before),
    getNextPageParam: (page) => (page.length < PAGE ? null : page.at(-1)?.id),
    select: ({ pages }) => pages.flat().reverse(),
  });
}

async function readPage(client: Client, organizationId: string, ticketId: string, before: string) {
  let query = client
    .from("messages")
    .select(COLUMNS)
    .eq("organization_id", organizationId)
    .eq("ticket_id", ticketId)
    .order("id", { ascending: false })
    .limit(PAGE);
  if (before) query = query.lt("id", before);
  return (await ok(query)) as Message[];
}

/** Reads a ticket anew when something happens in it, and whenever its topic is joined again. */
export function useFollowTicket(ticketId: string): void {
  const client = useClient();
  const queries = useQueryClient();
  useEffect(() => {
    const refresh = () => {
      for (const noun of ["messages", "forms", "ratings"])
        void queries.invalidateQueries({ queryKey: [noun, ticketId] });
    };
    const channel = client
      .channel(`ticket:${ticketId}:contact`, { config: { private: true } })
      .on("broadcast", { event: "*" }, refresh)
      .subscribe((status) => status === "SUBSCRIBED" && refresh());
    return () => void client.removeChannel(channel);
  }, [client, queries, ticketId]);
}

/** Tells the desk what the reader has seen: what is shown while the page is looked at. */
export function useMarkSeen(ticketId: string, messages: Message[]): void {
  const client = useClient();
  const queries = useQueryClient();
  const marked = useRef(0);
  const seq = Math.max(0, ...messages.map((each) => each.seq));
  useEffect(() => {
    const mark = () => {
      if (document.visibilityState !== "visible" || seq <= marked.current) return;
      marked.current = seq;
      ok(client.rpc("mark_seen", { ticket_id: ticketId, seq })).then(
        () => queries.invalidateQueries({ queryKey: ["tickets"] }),
        () => {
          marked.current = 0;
        },
      );
    };
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [client, queries, ticketId, seq]);
}
