/** A ticket's conversation: what was said and what happened, live; and where it is answered. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useTimes } from "@kit/i18n/time";
import { Button, Empty, Failure, Skeleton } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { TicketActions } from "../actions/ticket_actions";
import { useCommands } from "../commands/registry";
import { Composer, type ComposerHandle } from "../composer/composer";
import { begunOf } from "../composer/outgoing_news";
import { useOutbox, useOutgoing } from "../composer/use_outbox";
import { DraftCard, SentBy } from "../draft/draft_card";
import { useDrafts } from "../draft/drafts";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import { TypingLine, Viewers } from "./company";
import { EventLines } from "./event_line";
import { usePictureUrls } from "./files";
import { MessageItem, prepareMail } from "./message";
import { type Message, useThreadPages } from "./messages";
import { OutgoingItem } from "./outgoing_item";
import { useDirectory } from "./people";
import { usePresence } from "./presence";
import { useThreadScroll } from "./scroll";
import { useReadSeq, useSeen } from "./seen";
import styles from "./thread.module.css";
import { timelineOf } from "./timeline";
import { useThreadWords } from "./words";

const NO_PAGES: never[] = [];

export function Thread({ ticket }: { ticket: Ticket }) {
  const t = useThreadWords();
  const { id: ownId } = useUser();
  const { organization_id: organizationId } = useOrganization();
  const directory = useDirectory();
  const query = useThreadPages(organizationId, ticket.id);
  const readSeq = useReadSeq(ticket.id);
  const drafts = useDrafts(ticket.id);
  const outgoing = useOutgoing(ticket.id);
  const presence = usePresence(ticket.id);
  const composer = useRef<ComposerHandle>(null);
  useEffect(prepareMail, []);

  const pages = query.data?.pages ?? NO_PAGES;
  const messages = useMemo(() => pages.flatMap((page) => page.messages), [pages]);
  const urls = usePictureUrls(ticket.id, messages);
  const writers = useWriters(ticket, messages);
  const isReady = query.data !== undefined && readSeq !== undefined;
  const entries = useMemo(
    () => (isReady ? timelineOf(pages, readSeq ?? null, ownId) : []),
    [isReady, pages, readSeq, ownId],
  );

  const lookRef = useRef(() => {});
  const { scroller, content, isAtEnd, toEnd } = useThreadScroll({
    isReady,
    canLoad: query.hasNextPage && !query.isFetching,
    load: () => void query.fetchNextPage(),
    onLook: () => lookRef.current(),
  });
  const { seen, unseenBelow, look } = useSeen(organizationId, ticket.id, messages, scroller);
  lookRef.current = look;
  const seenSeq = useCallback(() => seen.current, [seen]);
  const newestSeq = Math.max(0, ...messages.filter((each) => !each.is_internal).map(({ seq }) => seq));

  // What was taken back from the outbox goes on being written here.
  const outbox = useOutbox();
  useEffect(
    () =>
      outbox.hear(({ what, entry }) => {
        if (what === "taken" && entry.ticketId === ticket.id)
          composer.current?.give(begunOf(entry), entry.internal);
      }),
    [outbox, ticket.id],
  );
  useCommands([
    {
      id: "thread.end",
      label: t("toEnd"),
      keys: "End",
      group: t("conversation"),
      run: toEnd,
    },
    {
      id: "thread.top",
      label: t("toTop"),
      keys: "Home",
      group: t("conversation"),
      run: () => scroller.current?.scrollTo({ top: 0 }),
    },
  ]);

  const contactName = ticket.contact?.name || ticket.contact?.email || t("customer");
  const nameOf = (message: Message): string => {
    if (message.sender === "ai") return t("ai");
    if (message.sender === "member") return directory.member(message.member_id)?.name ?? t("somebody");
    if (message.sender === "system") return t("desk");
    return message.contact_id === ticket.contact_id
      ? contactName
      : (writers.get(message.contact_id ?? "") ?? t("customer"));
  };
  const me = directory.member(ownId);
  const draft = drafts.open;
  const isDraftOnItsWay = outgoing.some((each) => each.draftId === draft?.id);
  const begun = draft && { body: draft.body_text, files: [], draftId: draft.id };

  return (
    <div className={styles.thread}>
      <TicketActions ticket={ticket} />
      <Viewers ids={presence.viewers} directory={directory} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keyboard */}
      <section ref={scroller} className={styles.scroller} tabIndex={0} aria-label={t("conversation")}>
        <div ref={content} className={styles.content}>
          {(query.hasNextPage || query.isFetchingNextPage) && (
            <div className={styles.earlier}>
              {query.isFetchingNextPage ? (
                <Skeleton lines={2} label={t("earlier")} />
              ) : (
                <Button small look="quiet" onClick={() => void query.fetchNextPage()}>
                  {t("earlier")}
                </Button>
              )}
            </div>
          )}
          {!isReady &&
            (query.error ? (
              <Failure error={query.error} onRetry={() => void query.refetch()} />
            ) : (
              <Skeleton lines={8} />
            ))}
          {isReady && messages.length === 0 && outgoing.length === 0 && <Empty title={t("nothingYet")} />}
          {entries.map((entry) => {
            switch (entry.kind) {
              case "day":
                return <DayLine key={entry.key} at={entry.at} />;
              case "new":
                return (
                  <div key={entry.key} className={styles.new} data-new>
                    <span>{t("new")}</span>
                  </div>
                );
              case "events":
                return (
                  <EventLines
                    key={entry.key}
                    events={entry.events}
                    directory={directory}
                    contactName={contactName}
                  />
                );
              default: {
                const { message } = entry;
                const member = directory.member(message.member_id);
                const sent = drafts.sent.get(message.id);
                return (
                  <MessageItem
                    key={entry.key}
                    message={message}
                    name={nameOf(message)}
                    avatar={member?.picture ?? null}
                    isOwn={message.member_id === ownId}
                    isContinued={entry.isContinued}
                    urls={urls}
                    below={message.sender === "ai" && sent ? <SentBy draft={sent} /> : undefined}
                  />
                );
              }
            }
          })}
          {outgoing
            .filter((entry) => !messages.some((message) => isSame(entry, message)))
            .map((entry) => (
              <OutgoingItem
                key={entry.id}
                entry={entry}
                name={me?.name ?? ""}
                avatar={me?.picture ?? null}
                seenSeq={seenSeq}
                newestSeq={newestSeq}
                onShowNew={toEnd}
              />
            ))}
          {draft && begun && !isDraftOnItsWay && !ticket.merged_into && (
            <DraftCard
              key={draft.id}
              draft={draft}
              ticketId={ticket.id}
              onAccept={() => composer.current?.send(begun)}
              onEdit={() => composer.current?.give(begun, false)}
            />
          )}
        </div>
      </section>
      <div className={styles.foot}>
        {unseenBelow > 0 && !isAtEnd && (
          <Button small className={styles.below} onClick={toEnd}>
            <ArrowDown aria-hidden size={14} /> {t("newBelow", { count: unseenBelow })}
          </Button>
        )}
        <TypingLine
          typing={presence.typing}
          contactTypes={presence.contactTypes}
          contactName={contactName}
          directory={directory}
        />
        <Composer
          ticket={ticket}
          directory={directory}
          seenSeq={seenSeq}
          onTyping={presence.tellTyping}
          onSent={toEnd}
          handle={composer}
        />
      </div>
    </div>
  );
}

/** It has arrived, and is shown as what it is. */
const isSame = (entry: ReturnType<typeof useOutgoing>[number], message: Message): boolean =>
  (entry.state === "sending" || entry.state === "sent") &&
  message.member_id === entry.userId &&
  message.is_internal === entry.internal &&
  message.seq > entry.expectedSeq &&
  message.body_text === entry.body;

function DayLine({ at }: { at: string }) {
  const t = useThreadWords();
  const times = useTimes();
  const days = Math.round(
    (new Date().setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86_400_000,
  );
  return (
    <div className={styles.day}>
      <span>{days === 0 ? t("today") : days === 1 ? t("yesterday") : times.day(at)}</span>
    </div>
  );
}

/** Names of contacts who write in the ticket and are not its requester. */
function useWriters(ticket: Ticket, messages: Message[]): ReadonlyMap<string, string> {
  const client = useClient();
  const ids = useMemo(
    () =>
      [...new Set(messages.map(({ contact_id }) => contact_id))]
        .filter((id): id is string => id !== null && id !== ticket.contact_id)
        .sort(),
    [messages, ticket.contact_id],
  );
  const { data } = useQuery({
    queryKey: ["thread", ticket.id, "writers", ids],
    enabled: ids.length > 0,
    queryFn: async () => {
      const rows = await ok(
        client
          .from("contacts")
          .select("id, name, email")
          .eq("organization_id", ticket.organization_id)
          .in("id", ids),
      );
      return new Map(rows.map((each) => [each.id, each.name || each.email || ""]));
    },
  });
  return data ?? NOBODY;
}

const NOBODY: ReadonlyMap<string, string> = new Map();
