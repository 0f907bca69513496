/** A ticket's messages and what happened to it, newest first, page by page upwards. */
import { type Client, type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useEvents } from "@kit/live";
import { type InfiniteData, type QueryClient, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Attachment } from "./attachment";
import { SHOWN_EVENTS } from "./event_types";

export type Message = Pick<
  Row<"messages">,
  | "id"
  | "seq"
  | "sender"
  | "contact_id"
  | "member_id"
  | "is_internal"
  | "is_machine"
  | "is_verified"
  | "sender_status"
  | "body_text"
  | "reply_text"
  | "body_html"
  | "created_at"
> & { attachments: Attachment[] };
export type Happening = Pick<
  Row<"events">,
  "id" | "type" | "subject_id" | "actor_id" | "data" | "created_at"
>;
/** What stands between two messages: `from` is the oldest one's id, null where the ticket begins. */
export type Page = { messages: Message[]; events: Happening[]; from: string | null };

const ATTACHMENT_COLUMNS =
  "id, file_name, content_type, detected_type, bytes, verdict, verdict_because, storage_path, thumbnail_path, content_id, is_inline, message_id";
const MESSAGE_COLUMNS = `id, seq, sender, contact_id, member_id, is_internal, is_machine, is_verified, sender_status, body_text, reply_text, body_html, created_at, attachments(${ATTACHMENT_COLUMNS})`;
const EVENT_COLUMNS = "id, type, subject_id, actor_id, data, created_at";
const PAGE_SIZE = 30;
const EVENTS_AT_ONCE = 200;
/** More than any list of messages: the end of time, as an id. */
const NOW = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const BEGINNING = "00000000-0000-0000-0000-000000000000";

export const threadKey = (ticketId: string) => ["thread", ticketId, "messages"] as const;

/** Ids are in the order of time, those of events too: one cursor serves both. */
async function readPage(
  client: Client,
  organizationId: string,
  ticketId: string,
  before: string,
): Promise<Page> {
  const eventsBefore = async (id: string) =>
    ok(
      client
        .from("events")
        .select(EVENT_COLUMNS)
        .eq("organization_id", organizationId)
        .eq("ticket_id", ticketId)
        .in("type", SHOWN_EVENTS)
        .lt("id", id)
        .order("id", { ascending: false })
        .limit(EVENTS_AT_ONCE),
    );
  const [messages, latest] = await Promise.all([
    ok(
      client
        .from("messages")
        .select(MESSAGE_COLUMNS)
        .eq("organization_id", organizationId)
        .eq("ticket_id", ticketId)
        .lt("id", before)
        .order("id", { ascending: false })
        .limit(PAGE_SIZE),
    ) as unknown as Promise<Message[]>,
    eventsBefore(before),
  ]);
  const from = messages.length === PAGE_SIZE ? (messages.at(-1)?.id ?? null) : null;
  // A ticket in which more happens than is said.
  for (let full = latest.length === EVENTS_AT_ONCE; full; ) {
    const oldest = latest.at(-1)?.id ?? "";
    if (from && oldest < from) break;
    const more = await eventsBefore(oldest);
    latest.push(...more);
    full = more.length === EVENTS_AT_ONCE;
  }
  return { messages, events: latest.filter(({ id }) => !from || id >= from), from };
}

export function useThreadPages(organizationId: string, ticketId: string) {
  const client = useClient();
  const queries = useQueryClient();
  const query = useInfiniteQuery({
    queryKey: threadKey(ticketId),
    queryFn: ({ pageParam }) => readPage(client, organizationId, ticketId, pageParam),
    initialPageParam: NOW,
    getNextPageParam: (last: Page) => last.from,
    // What has been read is kept up by events, one message at a time.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  });
  // Who comes back to a ticket sees its end at once, and it is read anew; what stood far above is not.
  useEffect(
    () => () =>
      void queries.setQueryData(threadKey(ticketId), (old: Pages | undefined) =>
        old && old.pages.length > 1
          ? { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) }
          : old,
      ),
    [queries, ticketId],
  );
  useEvents((event) => {
    const data = event.data as Record<string, unknown>;
    const about = [event.ticket_id, data.into_ticket_id, data.from_ticket_id, data.to_ticket_id];
    if (!about.includes(ticketId)) return;
    if (REARRANGES.has(event.type)) void queries.invalidateQueries({ queryKey: threadKey(ticketId) });
    else if (event.type === "attachment.inspected")
      void refreshAttachment(client, queries, ticketId, event.subject_id);
    else void catchUp(client, queries, organizationId, ticketId);
  });
  return query;
}

type Pages = InfiniteData<Page, string>;
const REARRANGES = new Set(["ticket.merged", "ticket.unmerged", "message.moved"]);
/** Of a read that fails: some more, then it is left to the next event. */
const TRIES = 5;
const RETRY_MS = 1_000;
const running = new Map<string, { again: boolean }>();

/** Reads what came after what is known: messages by their number, which has no gaps; events by their id. */
export async function catchUp(
  client: Client,
  queries: QueryClient,
  organizationId: string,
  ticketId: string,
  tries = 0,
): Promise<void> {
  const busy = running.get(ticketId);
  if (busy) {
    busy.again = true;
    return;
  }
  // What is being read may be older than the event: it is not begun anew with each of many, but looked at afterwards.
  const state = { again: false };
  running.set(ticketId, state);
  await untilRead(queries, ticketId);
  state.again = false;
  const known = queries.getQueryData<Pages>(threadKey(ticketId));
  const newest = known?.pages[0];
  if (!newest) {
    running.delete(ticketId);
    return;
  }
  try {
    const seq = Math.max(0, ...known.pages.flatMap(({ messages }) => messages.map((each) => each.seq)));
    const oldest = newest.messages.at(-1)?.id ?? BEGINNING;
    const [messages, events] = await Promise.all([
      ok(
        client
          .from("messages")
          .select(MESSAGE_COLUMNS)
          .eq("organization_id", organizationId)
          .eq("ticket_id", ticketId)
          .gt("seq", seq)
          .order("id", { ascending: false }),
      ) as unknown as Promise<Message[]>,
      ok(
        client
          .from("events")
          .select(EVENT_COLUMNS)
          .eq("organization_id", organizationId)
          .eq("ticket_id", ticketId)
          .in("type", SHOWN_EVENTS)
          // Ids of one moment may come in any order: a little is read again.
          .gte("id", newest.events.at(5)?.id ?? oldest)
          .order("id", { ascending: false })
          .limit(EVENTS_AT_ONCE),
      ),
    ]);
    queries.setQueryData(threadKey(ticketId), (old: Pages | undefined) => {
      const [first, ...rest] = old?.pages ?? [];
      if (!old || !first) return old;
      const page = {
        ...first,
        messages: joined(messages, first.messages),
        events: joined(events, first.events),
      };
      return { ...old, pages: [page, ...rest] };
    });
  } catch {
    if (tries < TRIES)
      setTimeout(
        () => void catchUp(client, queries, organizationId, ticketId, tries + 1),
        RETRY_MS * (tries + 1),
      );
  } finally {
    running.delete(ticketId);
  }
  if (state.again) await catchUp(client, queries, organizationId, ticketId);
}

function untilRead(queries: QueryClient, ticketId: string): Promise<void> {
  const isBusy = () => queries.isFetching({ queryKey: threadKey(ticketId) }) > 0;
  if (!isBusy()) return Promise.resolve();
  return new Promise((done) => {
    const end = queries.getQueryCache().subscribe(() => {
      if (isBusy()) return;
      end();
      done();
    });
  });
}

/** Each once, newest first. */
function joined<T extends { id: string }>(fresh: T[], known: T[]): T[] {
  const all = new Map(known.map((each) => [each.id, each]));
  for (const each of fresh) all.set(each.id, each);
  return [...all.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
}

async function refreshAttachment(client: Client, queries: QueryClient, ticketId: string, id: string) {
  const fresh = (await ok(
    client.from("attachments").select(ATTACHMENT_COLUMNS).eq("id", id).maybeSingle(),
  ).catch(() => null)) as Attachment | null;
  if (!fresh) return;
  queries.setQueryData(threadKey(ticketId), (old: Pages | undefined) => {
    if (!old) return old;
    const inMessage = (message: Message): Message =>
      message.id === fresh.message_id
        ? { ...message, attachments: message.attachments.map((each) => (each.id === id ? fresh : each)) }
        : message;
    return { ...old, pages: old.pages.map((page) => ({ ...page, messages: page.messages.map(inMessage) })) };
  });
}
