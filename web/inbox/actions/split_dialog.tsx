import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Button, Dialog, Loaded, TextField, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import { useUndoMove } from "./moves";
import { useActionWords } from "./words";

const MOST = 200;

/** Chooses the messages that another ticket is opened with. */
export function SplitDialog({ ticket, onClose }: { ticket: Ticket; onClose: () => void }) {
  const t = useActionWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const navigate = useNavigate();
  const undo = useUndoMove();
  const { slug, organization_id } = useOrganization();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [subject, setSubject] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const messages = useQuery({
    queryKey: ["ticket", ticket.id, "to-split"],
    queryFn: () =>
      ok(
        client
          .from("messages")
          .select("id, sender, member_id, is_internal, created_at, body_text, reply_text")
          .eq("ticket_id", ticket.id)
          .order("id", { ascending: false })
          .limit(MOST),
      ),
  });
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      const opened = await ok(
        client.rpc("split_ticket", {
          ticket_id: ticket.id,
          message_ids: [...chosen],
          ...(subject.trim() ? { subject: subject.trim() } : {}),
        }),
      );
      const move = (await ok(
        client
          .from("ticket_moves")
          .select("id")
          .eq("organization_id", organization_id)
          .eq("to_ticket_id", opened.id)
          .order("id", { ascending: false })
          .limit(1)
          .maybeSingle(),
      )) as { id: string } | null;
      void queries.invalidateQueries({ queryKey: ["ticket", ticket.id] });
      toast(t("splitDone", { number: `#${opened.number}` }), {
        ms: 10_000,
        ...(move
          ? {
              action: {
                label: t("undo"),
                run: () => {
                  void undo(move.id);
                  navigate(`/${slug}/ticket/${ticket.number}`);
                },
              },
            }
          : {}),
      });
      navigate(`/${slug}/ticket/${opened.number}`);
      onClose();
    } catch (error) {
      setProblem(problemOf(error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("split")} onClose={onClose} wide>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <p className={styles.hint}>{t("splitHint")}</p>
        <Loaded query={messages}>
          {(rows) => (
            <fieldset className={styles.results}>
              <legend className="visually-hidden">{t("messages")}</legend>
              {rows.toReversed().map((each) => (
                <label key={each.id} className={`${styles.result} ${each.is_internal ? styles.noted : ""}`}>
                  <input
                    type="checkbox"
                    checked={chosen.has(each.id)}
                    onChange={() => setChosen(toggled(chosen, each.id))}
                  />
                  <div>
                    <Writer {...each} contact={ticket.contact?.name || ticket.contact?.email} />
                    <div className={styles.line}>{(each.reply_text ?? each.body_text).slice(0, 200)}</div>
                  </div>
                </label>
              ))}
            </fieldset>
          )}
        </Loaded>
        <TextField
          label={t("newSubject")}
          value={subject}
          placeholder={ticket.subject}
          maxLength={998}
          onChange={({ target }) => setSubject(target.value)}
        />
        {problem && (
          <p className={styles.warning} role="alert">
            {problem}
          </p>
        )}
        <div className={styles.end}>
          <Button
            look="primary"
            type="submit"
            busy={busy}
            disabled={chosen.size === 0 || chosen.size === messages.data?.length}
          >
            {t("splitNow", { count: chosen.size })}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Writer(message: {
  sender: string;
  member_id: string | null;
  is_internal: boolean;
  created_at: string;
  contact: string | null | undefined;
}) {
  const t = useActionWords();
  const times = useTimes();
  const { person } = usePeople();
  const name =
    message.sender === "contact"
      ? message.contact || t("contact")
      : message.sender === "ai"
        ? t("ai")
        : message.member_id
          ? person(message.member_id).name
          : t("system");
  return (
    <div className={`${styles.hint} ${styles.line}`}>
      {[name, message.is_internal ? t("note") : "", times.moment(message.created_at)]
        .filter(Boolean)
        .join(" · ")}
    </div>
  );
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}
