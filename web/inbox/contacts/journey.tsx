/** What somebody did and what was written with them, newest first: visits, pages, tickets, messages. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Button, Loaded } from "@kit/ui";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Bot, Eye, Globe, MessageSquare, Reply, StickyNote, Ticket } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { TagChip } from "../actions/tag_picker";
import { useTags } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

type Entry = { at: string; id: string } & (
  | { kind: "session"; landing_page: string | null; referrer: string | null; ended_at: string | null }
  | { kind: "event"; name: string; url: string | null; title: string }
  | { kind: "ticket"; number: number; subject: string; channel: string; status: string }
  | { kind: "message"; sender: string; is_internal: boolean; text: string }
);
type Page = { entries: Entry[]; cursor: string | null };

export function Journey({ contactId }: { contactId: string }) {
  const t = useContactWords();
  const times = useTimes();
  const client = useClient();
  const pages = useInfiniteQuery({
    queryKey: ["contact", contactId, "journey"],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam: cursor }) =>
      (await ok(
        client.rpc("journey", { contact_id: contactId, max_entries: 20, ...(cursor ? { cursor } : {}) }),
      )) as unknown as Page,
    getNextPageParam: (last) => last.cursor,
  });
  return (
    <Loaded query={pages}>
      {({ pages: all }) => {
        const entries = all.flatMap((page) => page.entries);
        return (
          <>
            {entries.length === 0 && <p className={styles.muted}>{t("noJourney")}</p>}
            <ol className={styles.timeline}>
              {entries.map((entry) => (
                <li key={entry.id}>
                  <span aria-hidden>{iconOf(entry)}</span>
                  <div>
                    <What entry={entry} />
                    <time className={styles.small} dateTime={entry.at} title={times.full(entry.at)}>
                      {times.relative(entry.at)}
                    </time>
                    {entry.kind === "session" && <SessionTags sessionId={entry.id} />}
                  </div>
                </li>
              ))}
            </ol>
            {pages.hasNextPage && (
              <Button small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                {t("more")}
              </Button>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function iconOf(entry: Entry): ReactNode {
  if (entry.kind === "session") return <Globe />;
  if (entry.kind === "event") return <Eye />;
  if (entry.kind === "ticket") return <Ticket />;
  if (entry.is_internal) return <StickyNote />;
  if (entry.sender === "contact") return <MessageSquare />;
  return entry.sender === "ai" ? <Bot /> : <Reply />;
}

function What({ entry }: { entry: Entry }) {
  const t = useContactWords();
  const { slug } = useOrganization();
  if (entry.kind === "session") {
    const site = hostOf(entry.referrer);
    return (
      <p>
        {entry.landing_page ? t("visitTo", { page: short(entry.landing_page) }) : t("visit")}{" "}
        {site && <span className={styles.muted}>{t("cameFrom", { site })}</span>}
      </p>
    );
  }
  if (entry.kind === "event")
    return (
      <p>
        {entry.title || entry.name} {entry.url && <span className={styles.muted}>{short(entry.url)}</span>}
      </p>
    );
  if (entry.kind === "ticket")
    return (
      <p>
        <Link className={styles.link} to={`/${slug}/ticket/${entry.number}`}>
          {t("ticketOpened", { number: `#${entry.number}`, subject: entry.subject })}
        </Link>
      </p>
    );
  return (
    <>
      <p className={styles.small}>{t(wordOf(entry))}</p>
      <p>{entry.text}</p>
    </>
  );
}

const wordOf = (entry: { sender: string; is_internal: boolean }) =>
  entry.is_internal
    ? "noted"
    : entry.sender === "contact"
      ? "wrote"
      : entry.sender === "ai"
        ? "aiAnswered"
        : entry.sender === "member"
          ? "answered"
          : "told";

/** The tags of a visit: its own, and those of whose visit it is. */
function SessionTags({ sessionId }: { sessionId: string }) {
  const t = useContactWords();
  const client = useClient();
  const known = useTags().data ?? [];
  const { organization_id } = useOrganization();
  const rows = useQuery({
    queryKey: ["sessions", organization_id, sessionId, "tags"],
    queryFn: () =>
      ok(
        client
          .from("session_tags")
          .select("tag_id, source")
          .eq("organization_id", organization_id)
          .eq("session_id", sessionId),
      ),
  });
  if (!rows.data?.length) return null;
  return (
    <div className={styles.chips}>
      {rows.data.map(({ tag_id, source }) => {
        const tag = known.find(({ id }) => id === tag_id);
        if (!tag) return null;
        return (
          <span key={`${tag_id} ${source}`} title={t(source === "inherited" ? "inherited" : "direct")}>
            <TagChip name={tag.name} color={tag.color} />
          </span>
        );
      })}
    </div>
  );
}

function hostOf(url: string | null): string {
  try {
    return url ? new URL(url).host : "";
  } catch {
    return "";
  }
}

/** Without the scheme, and not longer than a line. */
const short = (url: string) => url.replace(/^https?:\/\//, "").slice(0, 80);
