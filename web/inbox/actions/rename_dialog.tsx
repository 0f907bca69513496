import { Button, Dialog, TextField } from "@kit/ui";
import { type FormEvent, useState } from "react";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import type { Change } from "./change";
import { useActionWords } from "./words";

export function RenameDialog(props: { ticket: Ticket; change: Change; onClose: () => void }) {
  const t = useActionWords();
  const [subject, setSubject] = useState(props.ticket.subject);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = subject.trim();
    if (next !== props.ticket.subject) void props.change({ subject: next });
    props.onClose();
  };
  return (
    <Dialog title={t("rename")} onClose={props.onClose}>
      <form className={styles.form} onSubmit={submit}>
        <TextField
          label={t("subject")}
          value={subject}
          maxLength={998}
          required
          onChange={({ target }) => setSubject(target.value)}
        />
        <div className={styles.end}>
          <Button look="primary" type="submit">
            {t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
