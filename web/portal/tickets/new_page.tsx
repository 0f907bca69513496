/** Writing to the desk. What fits is suggested meanwhile; who is not signed in is asked for an address last of all. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, TextArea, TextField, useToast } from "@kit/ui";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useNavigate } from "react-router";
import { LinkForm } from "../account/link_form";
import { useContact, useSession } from "../account/session";
import { useCentre } from "../shell/centre";
import { useKept } from "./kept";
import { Suggestions } from "./suggestions";
import { AddFiles } from "./upload_list";
import { useUploads } from "./uploads";
import { useTicketWords } from "./words";
import styles from "./write.module.css";

export function NewPage() {
  const t = useTicketWords();
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const toast = useToast();
  const { id, slug, name, takes_tickets } = useCentre();
  const { user } = useSession();
  const contact = useContact();
  const [subject, setSubject] = useKept(`${slug}.subject`);
  const [body, setBody] = useKept(`${slug}.body`);
  const files = useUploads(user?.id ?? "");
  const isWhole = subject.trim() !== "" && body.trim() !== "";

  const open = useMutation({
    mutationFn: async () => {
      if (!contact.data) await contact.refetch({ throwOnError: true });
      const ticket = await ok(
        client.rpc("open_ticket", { organization_id: id, subject: subject.trim(), body }),
      );
      if (files.paths.length > 0) {
        try {
          const first = await ok(
            client
              .from("messages")
              .select("id")
              .eq("organization_id", id)
              .eq("ticket_id", ticket.id)
              .order("id")
              .limit(1)
              .single(),
          );
          await ok(client.rpc("attach_files", { message_id: first.id, files: files.paths }));
        } catch (error) {
          // The ticket is there: that its files are not is no reason to open it twice.
          toast(t("filesLost", { problem: problemOf(error).message }), { tone: "danger" });
        }
      }
      return ticket;
    },
    onSuccess: (ticket) => {
      setSubject("");
      setBody("");
      void queries.invalidateQueries({ queryKey: ["tickets"] });
      void navigate(`/${slug}/tickets/${ticket.number}`, { replace: true });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!open.isPending && isWhole && !files.isUploading) open.mutate();
  };

  if (!takes_tickets) return <p className={styles.page}>{t("closed", { name })}</p>;
  return (
    <div className={styles.page}>
      <title>{`${t("newTitle")} · ${name}`}</title>
      <h1>{t("newTitle")}</h1>
      <div className={styles.columns}>
        <div className={styles.main}>
          <form id="new-ticket" className={styles.form} onSubmit={submit}>
            <TextField
              label={t("subject")}
              required
              maxLength={300}
              dir="auto"
              autoComplete="off"
              value={subject}
              onChange={(event) => setSubject(event.target.value)}
            />
            <TextArea
              label={t("body")}
              hint={t("bodyHint")}
              required
              rows={8}
              dir="auto"
              value={body}
              onChange={(event) => setBody(event.target.value)}
            />
            {user && (
              <>
                <AddFiles files={files} />
                {open.error && (
                  <p role="alert" className={styles.problem}>
                    {t("notSent", { problem: problemOf(open.error).message })}
                  </p>
                )}
                <div>
                  <Button look="primary" type="submit" busy={open.isPending || files.isUploading}>
                    {t("sendTicket")}
                  </Button>
                </div>
              </>
            )}
          </form>
          {!user && (
            <section className={styles.address}>
              {isWhole ? (
                <LinkForm backTo={`/${slug}/tickets/new`} intro={t("signInFirst")} />
              ) : (
                <p>{t("notYet")}</p>
              )}
            </section>
          )}
        </div>
        <Suggestions text={`${subject}\n${body}`} />
      </div>
    </div>
  );
}
