import { Button, Dialog } from "@kit/ui";
import { useState } from "react";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import { FindTicket, type Other } from "./find_ticket";
import { useMerge } from "./moves";
import { useActionWords } from "./words";

/** Makes this ticket and another one: which becomes part of which is chosen. */
export function MergeDialog({
  ticket,
  other,
  onClose,
}: {
  ticket: Ticket;
  other?: Other;
  onClose: () => void;
}) {
  const t = useActionWords();
  const merge = useMerge();
  const [chosen, setChosen] = useState<Other | null>(other ?? null);
  const [isHere, setHere] = useState(true);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const strangers = chosen !== null && chosen.contactId !== ticket.contact_id;
  const run = async () => {
    if (!chosen) return;
    setBusy(true);
    setProblem("");
    const [from, into] = isHere ? [chosen, ticket] : [ticket, chosen];
    const wrong = await merge(from, into, strangers);
    setBusy(false);
    if (wrong) setProblem(wrong);
    else onClose();
  };
  return (
    <Dialog title={t("merge")} onClose={onClose}>
      <FindTicket ticket={ticket} chosen={chosen} onChoose={setChosen} />
      {chosen && (
        <fieldset className={styles.choices}>
          <legend className="visually-hidden">{t("direction")}</legend>
          <label>
            <input type="radio" name="into" checked={isHere} onChange={() => setHere(true)} />
            {t("mergeHere", { number: `#${chosen.number}` })}
          </label>
          <label>
            <input type="radio" name="into" checked={!isHere} onChange={() => setHere(false)} />
            {t("mergeThere", { number: `#${chosen.number}` })}
          </label>
        </fieldset>
      )}
      {strangers && (
        <p className={styles.warning} role="status">
          {t("share")}
        </p>
      )}
      {problem && (
        <p className={styles.warning} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.end}>
        <Button look="primary" busy={busy} disabled={!chosen} onClick={() => void run()}>
          {strangers ? t("shareYes") : t("mergeNow")}
        </Button>
      </div>
    </Dialog>
  );
}
