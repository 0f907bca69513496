/** Two contacts that may be one person: what they share, and what to do about it. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Avatar, Badge, Button, useToast } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useOrganization } from "../shell/organization";
import { nameOf } from "./contact";
import { useMergeContacts } from "./merging";
import styles from "./page.module.css";
import type { Found } from "./use_contact_list";
import { useContactWords } from "./words";

const REASONS = [
  "same_mailbox",
  "same_phone",
  "same_external",
  "same_name",
  "same_company",
  "similar_name_at_company",
] as const;
export type Pair = { one: Found; other: Found; reasons: string[] };

/** Suggested pairs, the likeliest first: of all, or of one contact. */
export function usePairs(contactId?: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["contacts", organization_id, "duplicates", contactId ?? null],
    staleTime: 300_000,
    queryFn: async (): Promise<Pair[]> => {
      const pairs = await ok(
        client.rpc("duplicate_contacts", {
          organization_id,
          ...(contactId ? { of_contact: contactId } : {}),
        }),
      );
      if (pairs.length === 0) return [];
      const ids = [...new Set(pairs.flatMap((pair) => [pair.contact_id, pair.other_id]))];
      const rows = (await ok(
        client
          .from("contacts")
          .select("id, name, email, phone, company:companies(name)")
          .eq("organization_id", organization_id)
          .in("id", ids),
      )) as unknown as Found[];
      const byId = new Map(rows.map((row) => [row.id, row]));
      return pairs.flatMap(({ contact_id, other_id, reasons }) => {
        const [one, other] = [byId.get(contact_id), byId.get(other_id)];
        return one && other ? [{ one, other, reasons }] : [];
      });
    },
  });
}

export function PairCard({ pair }: { pair: Pair }) {
  const t = useContactWords();
  const client = useClient();
  const toast = useToast();
  const { merge, refresh } = useMergeContacts();
  const [asks, setAsks] = useState<{ winner: Found; problem: string; mayShare: boolean }>();
  const both = [pair.one, pair.other];
  const keep = async (winner: Found, share = false) => {
    const loser = winner === pair.one ? pair.other : pair.one;
    const wrong = await merge(winner, loser, share);
    setAsks(wrong && { winner, ...wrong });
  };
  const dismiss = async () => {
    try {
      await ok(client.rpc("dismiss_duplicate", { contact_id: pair.one.id, other_id: pair.other.id }));
      toast(t("dismissed"));
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    refresh();
  };
  return (
    <article className={styles.pair}>
      <div className={styles.reasons}>
        {REASONS.filter((each) => pair.reasons.includes(each)).map((each) => (
          <Badge key={each} tone="accent">
            {t(each)}
          </Badge>
        ))}
      </div>
      <div className={styles.both}>
        {both.map((each) => (
          <One key={each.id} contact={each} onKeep={() => void keep(each)} />
        ))}
      </div>
      {asks && (
        <p role="alert" className={styles.warning}>
          {asks.problem}{" "}
          {asks.mayShare && (
            <Button small onClick={() => void keep(asks.winner, true)}>
              {t("shareYes")}
            </Button>
          )}
        </p>
      )}
      <div className={styles.end}>
        <Button small look="quiet" onClick={() => void dismiss()}>
          {t("notSame")}
        </Button>
      </div>
    </article>
  );
}

function One({ contact, onKeep }: { contact: Found; onKeep: () => void }) {
  const t = useContactWords();
  const { slug } = useOrganization();
  const name = nameOf(contact);
  return (
    <div className={styles.one}>
      <Avatar name={name} />
      <div>
        <Link to={`/${slug}/contacts/${contact.id}`}>{name}</Link>
        <span className={styles.muted}>
          {[name === contact.email ? "" : contact.email, contact.phone, contact.company?.name]
            .filter(Boolean)
            .join(" · ")}
        </span>
        <Button small onClick={onKeep}>
          {t("keep", {
            name: name === contact.email ? name : [name, contact.email].filter(Boolean).join(", "),
          })}
        </Button>
      </div>
    </div>
  );
}
