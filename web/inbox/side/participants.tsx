/** Who is in copy of what is answered. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, IconButton, Section, TextField, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./side.module.css";
import { useSideWords } from "./words";

type Participant = {
  contact_id: string;
  role: string;
  contact: { name: string | null; email: string | null } | null;
};

export function Participants({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id, atLeast } = useOrganization();
  const [adds, setAdds] = useState(false);
  const mayChange = atLeast("agent") && !ticket.merged_into;
  const people = useQuery({
    queryKey: ["ticket", ticket.id, "participants"],
    queryFn: async () =>
      (await ok(
        client
          .from("ticket_participants")
          .select(
            "contact_id, role, contact:contacts!ticket_participants_organization_id_contact_id_fkey(name, email)",
          )
          .eq("organization_id", organization_id)
          .eq("ticket_id", ticket.id)
          .is("removed_at", null)
          .order("created_at"),
      )) as unknown as Participant[],
  });
  const attempt = async (write: () => PromiseLike<unknown>, told?: string, back?: () => void) => {
    try {
      await write();
      if (told) toast(told, back ? { action: { label: t("undo"), run: back } } : {});
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    void queries.invalidateQueries({ queryKey: ["ticket", ticket.id, "participants"] });
  };
  const put = (contact_id: string, role: string) =>
    ok(client.rpc("add_participant", { ticket_id: ticket.id, contact_id, role }));
  const rows = people.data ?? [];
  return (
    <Section
      name="copy"
      title={t("copy")}
      count={rows.length}
      action={
        mayChange && (
          <IconButton small label={t("addPerson")} aria-expanded={adds} onClick={() => setAdds(!adds)}>
            <Plus />
          </IconButton>
        )
      }
    >
      {people.data?.length === 0 && !adds && <p className={styles.muted}>{t("nobodyInCopy")}</p>}
      <ul className={styles.list}>
        {rows.map(({ contact_id, role, contact }) => {
          const name = contact?.name || contact?.email || "…";
          return (
            <li key={contact_id} className={styles.row}>
              <span className={styles.grow}>
                {name} {contact?.name && <span className={styles.small}>{contact.email}</span>}
              </span>
              <select
                className={styles.quiet}
                aria-label={t("roleOf", { name })}
                value={role}
                disabled={!mayChange}
                onChange={({ target }) => void attempt(() => put(contact_id, target.value))}
              >
                <option value="cc">{t("cc")}</option>
                <option value="bcc">{t("bcc")}</option>
              </select>
              {mayChange && (
                <IconButton
                  small
                  label={t("removePerson", { name })}
                  onClick={() =>
                    void attempt(
                      () => ok(client.rpc("remove_participant", { ticket_id: ticket.id, contact_id })),
                      t("removed", { name }),
                      () => void attempt(() => put(contact_id, role)),
                    )
                  }
                >
                  <X />
                </IconButton>
              )}
            </li>
          );
        })}
      </ul>
      {adds && <AddPerson ticket={ticket} onDone={() => setAdds(false)} />}
    </Section>
  );
}

function AddPerson({ ticket, onDone }: { ticket: Ticket; onDone: () => void }) {
  const t = useSideWords();
  const client = useClient();
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [problem, setProblem] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await ok(client.rpc("add_participant", { ticket_id: ticket.id, email: email.trim().toLowerCase() }));
      void queries.invalidateQueries({ queryKey: ["ticket", ticket.id, "participants"] });
      onDone();
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <form className={styles.add} onSubmit={(event) => void submit(event)}>
      <TextField
        label={t("personEmail")}
        hideLabel
        placeholder={t("personEmail")}
        type="email"
        required
        autoFocus
        value={email}
        error={problem}
        onChange={({ target }) => setEmail(target.value)}
      />
      <Button type="submit">{t("add")}</Button>
    </form>
  );
}
