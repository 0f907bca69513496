/** Answering in a ticket: shown at once, and kept with what was wrong where it could not be sent. */
import { type Tables, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Avatar, Button, TextArea, useToast } from "@kit/ui";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent, KeyboardEvent } from "react";
import { useNavigate } from "react-router";
import type { Me } from "../account/for_contacts";
import { useCentre } from "../shell/centre";
import { useKept } from "./kept";
import styles from "./ticket.module.css";
import type { Ticket } from "./tickets";
import { AddFiles } from "./upload_list";
import { useUploads } from "./uploads";
import { useTicketWords } from "./words";

export function Reply({ me, ticket, reopens }: { me: Me; ticket: Ticket; reopens: boolean }) {
  const t = useTicketWords();
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  const { id, slug } = useCentre();
  const [text, setText] = useKept(ticket.id);
  const files = useUploads(me.userId);

  const send = useMutation({
    mutationFn: async (body: string) => {
      const said = await ok(
        client
          .from("messages")
          .insert({
            organization_id: id,
            ticket_id: ticket.id,
            sender: "contact",
            contact_id: me.contactId,
            body_text: body,
            // Its number in the ticket is given by the database.
          } as Tables["messages"]["Insert"])
          .select("id, ticket_id")
          .single(),
      );
      if (files.paths.length > 0) {
        try {
          await ok(client.rpc("attach_files", { message_id: said.id, files: files.paths }));
        } catch (error) {
          // What was said stands: sent again, it would be said twice.
          toast(t("filesLost", { problem: problemOf(error).message }), { tone: "danger" });
        }
      }
      return said;
    },
    onSuccess: async (said, body) => {
      files.clear();
      if (localStorage.getItem(`pgdesk.begun.${ticket.id}`) === body) setText("");
      void queries.invalidateQueries({ queryKey: ["tickets"] });
      void queries.invalidateQueries({ queryKey: ["ticket"] });
      await queries.invalidateQueries({ queryKey: ["messages", ticket.id] });
      if (said.ticket_id !== ticket.id) await goTo(said.ticket_id);
    },
  });
  /** Where what was said opened another ticket, because this one is over for good. */
  const goTo = async (ticketId: string) => {
    const other = await ok(client.from("tickets").select("number").eq("id", ticketId).maybeSingle());
    if (other) void navigate(`/${slug}/tickets/${other.number}`);
  };

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!send.isPending && !files.isUploading && text.trim()) send.mutate(text);
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  };
  return (
    <>
      {send.isPending && <Sending text={send.variables} />}
      <form className={styles.reply} onSubmit={submit}>
        <TextArea
          label={t("yourReply")}
          hideLabel
          placeholder={t("replyHint")}
          hint={reopens ? t("reopens") : undefined}
          rows={4}
          dir="auto"
          value={send.isPending ? "" : text}
          readOnly={send.isPending}
          onKeyDown={keys}
          onChange={(event) => setText(event.target.value)}
        />
        {send.error && (
          <p role="alert" className={styles.problem}>
            {t("notSent", { problem: problemOf(send.error).message })}
          </p>
        )}
        <div className={styles.actions}>
          <AddFiles files={files} />
          <Button look="primary" type="submit" busy={send.isPending || files.isUploading}>
            {t("send")}
          </Button>
        </div>
      </form>
    </>
  );
}

function Sending({ text }: { text: string }) {
  const t = useTicketWords();
  const times = useTimes();
  return (
    <div className={styles.message} data-mine data-sending>
      <div className={styles.face}>
        <Avatar name={t("you")} size={32} />
      </div>
      <div className={styles.body}>
        <div className={styles.who}>
          <strong>{t("you")}</strong>
          <span title={times.full(new Date())}>{t("sending")}</span>
        </div>
        <div className={styles.words} dir="auto">
          {text}
        </div>
      </div>
    </div>
  );
}
