/** Tickets that belong with this one: linked ones, and those that may be about the same. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, IconButton, Section, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Other } from "../actions/find_ticket";
import { MergeDialog } from "../actions/merge_dialog";
import { useMerge } from "../actions/moves";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./side.module.css";
import { useSideWords } from "./words";

type Numbered = { id: string; number: number; subject: string };
type Linked = Pick<Row<"ticket_links">, "ticket_id" | "other_ticket_id" | "kind"> & {
  one: Numbered | null;
  other: Numbered | null;
};
/** How a link reads from either side. */
const FORTH = {
  relates: "relates",
  duplicates: "duplicates",
  child_of: "child_of",
  follows: "follows",
} as const;
const BACK = {
  relates: "relates",
  duplicates: "duplicatesBack",
  child_of: "parent_of",
  follows: "followedBy",
} as const;

export function Related({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const links = useQuery({
    queryKey: ["ticket", ticket.id, "links"],
    queryFn: async () =>
      (await ok(
        client
          .from("ticket_links")
          .select(
            "ticket_id, other_ticket_id, kind, one:tickets!ticket_links_organization_id_ticket_id_fkey(id, number, subject), other:tickets!ticket_links_organization_id_other_ticket_id_fkey(id, number, subject)",
          )
          .eq("organization_id", organization_id)
          .or(`ticket_id.eq.${ticket.id},other_ticket_id.eq.${ticket.id}`)
          .neq("kind", "distinct")
          .order("created_at")
          .limit(100),
      )) as unknown as Linked[],
  });
  const similar = useQuery({
    queryKey: ["ticket", ticket.id, "similar"],
    staleTime: 300_000,
    enabled: !ticket.merged_into,
    queryFn: () => ok(client.rpc("similar_tickets", { ticket_id: ticket.id })),
  });
  const linked = new Set(links.data?.flatMap((each) => [each.ticket_id, each.other_ticket_id]));
  const hints = similar.data?.filter(({ other_ticket_id }) => !linked.has(other_ticket_id)) ?? [];
  const rows = links.data ?? [];
  if (rows.length + hints.length === 0) return null;
  return (
    <Section name="related" title={t("related")} count={rows.length + hints.length}>
      <ul className={styles.list}>
        {rows.map((each) => (
          <LinkRow
            key={`${each.ticket_id} ${each.other_ticket_id} ${each.kind}`}
            ticket={ticket}
            link={each}
          />
        ))}
      </ul>
      {hints.length > 0 && <h3 className={styles.small}>{t("similar")}</h3>}
      <ul className={styles.list}>
        {hints.map((each) => (
          <Hint
            key={each.other_ticket_id}
            ticket={ticket}
            other={{
              id: each.other_ticket_id,
              number: each.number,
              subject: each.subject,
              contactId: each.contact_id,
              contact: null,
              statusCategory: undefined,
              likeness: each.likeness,
            }}
          />
        ))}
      </ul>
    </Section>
  );
}

/** What is tried is told where it fails, and what is read of the ticket is read again. */
function useAttempt(ticket: Ticket) {
  const t = useSideWords();
  const queries = useQueryClient();
  const toast = useToast();
  return async (write: () => PromiseLike<unknown>, told: string, back?: () => PromiseLike<unknown>) => {
    const refresh = () => void queries.invalidateQueries({ queryKey: ["ticket", ticket.id] });
    try {
      await write();
      const undo = back && { label: t("undo"), run: () => void Promise.resolve(back()).then(refresh) };
      toast(told, undo ? { action: undo } : {});
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    refresh();
  };
}

function useLinks() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return {
    link: (ticket_id: string, other_ticket_id: string, kind: string) =>
      ok(client.from("ticket_links").insert({ organization_id, ticket_id, other_ticket_id, kind })),
    unlink: (ticket_id: string, other_ticket_id: string, kind: string) =>
      ok(client.from("ticket_links").delete().match({ ticket_id, other_ticket_id, kind })),
  };
}

function LinkRow({ ticket, link }: { ticket: Ticket; link: Linked }) {
  const t = useSideWords();
  const { slug, atLeast } = useOrganization();
  const attempt = useAttempt(ticket);
  const { link: put, unlink } = useLinks();
  const isForth = link.ticket_id === ticket.id;
  const other = isForth ? link.other : link.one;
  const kind = link.kind as keyof typeof FORTH;
  if (!other) return null;
  const number = `#${other.number}`;
  return (
    <li className={styles.row}>
      <span className={styles.grow}>
        <span className={styles.small}>{t(isForth ? FORTH[kind] : BACK[kind])}</span>
        <Link className={`${styles.link} ${styles.line}`} to={`/${slug}/ticket/${other.number}`}>
          {other.subject} <span className={styles.muted}>{number}</span>
        </Link>
      </span>
      {atLeast("agent") && (
        <IconButton
          small
          label={t("unlink", { number })}
          onClick={() =>
            void attempt(
              () => unlink(link.ticket_id, link.other_ticket_id, kind),
              t("unlinked"),
              () => put(link.ticket_id, link.other_ticket_id, kind),
            )
          }
        >
          <X />
        </IconButton>
      )}
    </li>
  );
}

function Hint({ ticket, other }: { ticket: Ticket; other: Other }) {
  const t = useSideWords();
  const { slug, atLeast } = useOrganization();
  const attempt = useAttempt(ticket);
  const { link, unlink } = useLinks();
  const merge = useMerge();
  const toast = useToast();
  const [asks, setAsks] = useState(false);
  const number = `#${other.number}`;
  const bring = async () => {
    // Somebody else's words would be shown to this contact: that is asked first.
    if (other.contactId !== ticket.contact_id) return setAsks(true);
    const wrong = await merge(other, ticket, false);
    if (wrong) toast(t("failed", { problem: wrong }), { tone: "danger" });
  };
  const pair = [ticket.id, other.id] as const;
  return (
    <li className={styles.hint}>
      <Link className={`${styles.link} ${styles.line}`} to={`/${slug}/ticket/${other.number}`}>
        {other.subject} <span className={styles.muted}>{number}</span>
      </Link>
      <span className={styles.small}>
        {t("alike", { percent: `${Math.round((other.likeness ?? 0) * 100)}%` })}
      </span>
      {atLeast("agent") && (
        <span className={styles.buttons}>
          <Button small aria-label={t("mergeInNumber", { number })} onClick={() => void bring()}>
            {t("mergeIn")}
          </Button>
          <Button
            small
            aria-label={t("linkNumber", { number })}
            onClick={() =>
              void attempt(
                () => link(...pair, "duplicates"),
                t("linked", { number }),
                () => unlink(...pair, "duplicates"),
              )
            }
          >
            {t("linkIt")}
          </Button>
          <Button
            small
            look="quiet"
            aria-label={t("notSameNumber", { number })}
            onClick={() =>
              void attempt(
                () => link(...pair, "distinct"),
                t("setApart", { number }),
                () => unlink(...pair, "distinct"),
              )
            }
          >
            {t("notSame")}
          </Button>
        </span>
      )}
      {asks && <MergeDialog ticket={ticket} other={other} onClose={() => setAsks(false)} />}
    </li>
  );
}
