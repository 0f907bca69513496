/** Finding another ticket: what is like this one and what else its contact has stands there before anything is typed. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { TextField } from "@kit/ui";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useId, useState } from "react";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import { StatusIcon } from "./icons";
import { useActionWords } from "./words";

export type Other = {
  id: string;
  number: number;
  subject: string;
  contactId: string;
  contact: string | null;
  statusCategory: string | undefined;
  likeness: number | undefined;
};

type Props = { ticket: Ticket; chosen: Other | null; onChoose: (other: Other) => void };

export function FindTicket({ ticket, chosen, onChoose }: Props) {
  const t = useActionWords();
  const [query, setQuery] = useState("");
  const typed = useDeferredValue(query.trim());
  const found = useFound(ticket, typed);
  const name = useId();
  return (
    <div className={styles.form}>
      <TextField
        label={t("findTicket")}
        type="search"
        autoComplete="off"
        value={query}
        onChange={({ target }) => setQuery(target.value)}
      />
      <div className={styles.results} role="radiogroup" aria-label={t("ticket")} aria-busy={found.isFetching}>
        {!typed && !!found.data?.length && <p className={styles.group}>{t("suggested")}</p>}
        {found.data?.map((each) => (
          <label key={each.id} className={styles.result}>
            <input
              type="radio"
              name={name}
              checked={chosen?.id === each.id}
              onChange={() => onChoose(each)}
            />
            <div>
              <div className={styles.line}>
                <StatusIcon category={each.statusCategory} />{" "}
                <span className={styles.number}>#{each.number}</span> {each.subject}
              </div>
              <div className={`${styles.hint} ${styles.line}`}>
                {each.contactId === ticket.contact_id
                  ? t("sameContact")
                  : (each.contact ?? t("otherContact"))}
              </div>
            </div>
            {each.likeness !== undefined && <Likeness value={each.likeness} />}
          </label>
        ))}
        {found.data?.length === 0 && <p className={styles.none}>{t("noTicket")}</p>}
      </div>
    </div>
  );
}

function Likeness({ value }: { value: number }) {
  const t = useActionWords();
  return <span className={styles.hint}>{t("alike", { percent: `${Math.round(value * 100)}%` })}</span>;
}

const SHOWN = 10;

function useFound(ticket: Ticket, typed: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["tickets", organization_id, "found-for", ticket.id, typed],
    placeholderData: keepPreviousData,
    queryFn: async (): Promise<Other[]> => {
      if (typed) {
        const rows = await ok(
          client.rpc("search_tickets", { organization_id, query: typed, max_tickets: SHOWN }),
        );
        return rows
          .filter(({ id }) => id !== ticket.id)
          .map((each) => ({
            id: each.id,
            number: each.number,
            subject: each.subject,
            contactId: each.contact_id,
            contact: each.contact_name || each.contact_email,
            statusCategory: each.status_category,
            likeness: undefined,
          }));
      }
      const [alike, theirs] = await Promise.all([
        ok(client.rpc("similar_tickets", { ticket_id: ticket.id })),
        ok(
          client
            .from("tickets")
            .select("id, number, subject, status_category, contact_id")
            .eq("organization_id", organization_id)
            .eq("contact_id", ticket.contact_id)
            .is("merged_into", null)
            .neq("id", ticket.id)
            .order("created_at", { ascending: false })
            .limit(SHOWN),
        ),
      ]);
      const near = new Map(alike.map((each) => [each.other_ticket_id, each.likeness]));
      const first = alike.map(
        (each): Other => ({
          id: each.other_ticket_id,
          number: each.number,
          subject: each.subject,
          contactId: each.contact_id,
          contact: null,
          statusCategory: undefined,
          likeness: each.likeness,
        }),
      );
      const rest = theirs
        .filter(({ id }) => !near.has(id))
        .map(
          (each): Other => ({
            id: each.id,
            number: each.number,
            subject: each.subject,
            contactId: each.contact_id,
            contact: null,
            statusCategory: each.status_category,
            likeness: undefined,
          }),
        );
      return [...first, ...rest].slice(0, SHOWN);
    },
  });
}
