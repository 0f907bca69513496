/** Forms that were sent in a ticket, what was answered, and sending another. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Badge, IconButton, Picker, Section, type Tone, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { useState } from "react";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./side.module.css";
import { useSideWords } from "./words";

type Form = Pick<Row<"action_forms">, "id" | "title" | "status" | "expires_at" | "answers" | "fields">;
const TONES: Record<string, Tone> = {
  sent: "accent",
  answered: "success",
  cancelled: "neutral",
  expired: "warning",
};

export function Forms({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id, atLeast } = useOrganization();
  const [open, setOpen] = useState(false);
  const mayChange = atLeast("agent") && !ticket.merged_into;
  const forms = useQuery({
    queryKey: ["ticket", ticket.id, "forms"],
    queryFn: (): Promise<Form[]> =>
      ok(
        client
          .from("action_forms")
          .select("id, title, status, expires_at, answers, fields")
          .eq("organization_id", organization_id)
          .eq("ticket_id", ticket.id)
          .order("id", { ascending: false }),
      ),
  });
  const templates = useQuery({
    queryKey: ["templates", organization_id],
    staleTime: 300_000,
    enabled: mayChange,
    queryFn: () =>
      ok(
        client
          .from("action_templates")
          .select("id, name")
          .eq("organization_id", organization_id)
          .is("archived_at", null)
          .order("name"),
      ),
  });
  const attempt = async (write: () => PromiseLike<unknown>, told?: string) => {
    try {
      await write();
      if (told) toast(told);
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    void queries.invalidateQueries({ queryKey: ["ticket", ticket.id] });
  };
  if (!forms.data?.length && !templates.data?.length) return null;
  return (
    <Section
      name="forms"
      title={t("forms")}
      count={forms.data?.length}
      action={
        mayChange && (
          <Picker
            open={open}
            onOpen={setOpen}
            label={t("sendForm")}
            placeholder={t("findForm")}
            none={t("noForms")}
            trigger={
              <IconButton small label={t("sendForm")}>
                <Plus />
              </IconButton>
            }
            choices={(templates.data ?? []).map(({ id, name }) => ({ id, label: name }))}
            onPick={({ id }) =>
              void attempt(
                () =>
                  ok(
                    client.rpc("send_form", {
                      ticket_id: ticket.id,
                      template_id: id,
                      expected_seq: ticket.last_seq,
                    }),
                  ),
                t("formSent"),
              )
            }
          />
        )
      }
    >
      <ul className={styles.list}>
        {forms.data?.map((form) => (
          <FormRow
            key={form.id}
            form={form}
            {...(mayChange
              ? { onCancel: () => void attempt(() => ok(client.rpc("cancel_form", { form_id: form.id }))) }
              : {})}
          />
        ))}
      </ul>
    </Section>
  );
}

function FormRow({ form, onCancel }: { form: Form; onCancel?: () => void }) {
  const t = useSideWords();
  const isOver = form.status === "sent" && new Date(form.expires_at) < new Date();
  const state = isOver ? "expired" : form.status;
  const asked = (form.fields ?? []) as { key: string; label: string }[];
  const answers = (form.answers ?? {}) as Record<string, unknown>;
  return (
    <li>
      <span className={styles.row}>
        <span className={styles.grow}>{form.title}</span>
        <Badge tone={TONES[state] ?? "neutral"}>
          {t(state as "sent" | "answered" | "cancelled" | "expired")}
        </Badge>
        {state === "sent" && onCancel && (
          <IconButton small label={t("cancelForm", { title: form.title })} onClick={onCancel}>
            <X />
          </IconButton>
        )}
      </span>
      {form.status === "answered" && (
        <dl className={styles.facts}>
          {asked
            .filter(({ key }) => answers[key] !== undefined && answers[key] !== null)
            .map(({ key, label }) => (
              <div key={key} style={{ display: "contents" }}>
                <dt>{label}</dt>
                <dd>{[answers[key]].flat().map(String).join(", ")}</dd>
              </div>
            ))}
        </dl>
      )}
    </li>
  );
}
