import { useTimes } from "@kit/i18n/time";
import { Button, Dialog, IconButton, Picker, TextField } from "@kit/ui";
import { AlarmClock } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import type { Changing } from "./change";
import { localInput, snoozeTimes } from "./snooze_times";
import { useActionWords } from "./words";

const PICK = "pick";

type Props = { snooze: Changing["snooze"]; open: boolean; onOpen: (open: boolean) => void; ticket: Ticket };

/** Puts a ticket aside: until one of the usual times, or any other. */
export function SnoozeMenu({ snooze, open, onOpen, ticket }: Props) {
  const t = useActionWords();
  const times = useTimes();
  const [asks, setAsks] = useState(false);
  const until = (at: Date) => void snooze(at, t("snoozed", { time: times.full(at) }));
  const offered = open ? snoozeTimes(new Date()) : [];
  return (
    <>
      <Picker
        open={open}
        onOpen={onOpen}
        label={t("snoozeUntil")}
        placeholder={t("snoozeUntil")}
        none={t("pickTime")}
        trigger={
          <IconButton label={t("snooze")} keys="s" disabled={ticket.status_category === "resolved"}>
            <AlarmClock />
          </IconButton>
        }
        choices={[
          ...offered.map(({ word, at }) => ({ id: word, label: t(word), hint: times.soon(at) })),
          { id: PICK, label: t("pickTime") },
        ]}
        onPick={({ id }) => {
          const found = offered.find(({ word }) => word === id);
          if (found) until(found.at);
          else setAsks(true);
        }}
      />
      {asks && <AskTime onClose={() => setAsks(false)} onTime={until} />}
    </>
  );
}

function AskTime({ onClose, onTime }: { onClose: () => void; onTime: (at: Date) => void }) {
  const t = useActionWords();
  const [value, setValue] = useState(() => localInput(snoozeTimes(new Date()).at(-1)?.at ?? new Date()));
  const [error, setError] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const at = new Date(value);
    if (!(at > new Date())) return setError(t("notPast"));
    onTime(at);
    onClose();
  };
  return (
    <Dialog title={t("snoozeUntil")} onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <TextField
          label={t("until")}
          type="datetime-local"
          value={value}
          min={localInput(new Date())}
          error={error}
          onChange={({ target }) => setValue(target.value)}
          required
        />
        <div className={styles.end}>
          <Button look="primary" type="submit">
            {t("snooze")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
