import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, Dialog, Select, useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import { FindTicket, type Other } from "./find_ticket";
import { useActionWords } from "./words";

const KINDS = ["relates", "duplicates", "child_of", "follows"] as const;

export function LinkDialog({ ticket, onClose }: { ticket: Ticket; onClose: () => void }) {
  const t = useActionWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id } = useOrganization();
  const [chosen, setChosen] = useState<Other | null>(null);
  const [kind, setKind] = useState<string>(KINDS[0]);
  const [problem, setProblem] = useState("");
  const run = async () => {
    if (!chosen) return;
    setProblem("");
    try {
      await ok(
        client
          .from("ticket_links")
          .insert({ organization_id, ticket_id: ticket.id, other_ticket_id: chosen.id, kind }),
      );
      toast(t("linked", { number: `#${chosen.number}` }));
      for (const id of [ticket.id, chosen.id])
        void queries.invalidateQueries({ queryKey: ["ticket", id, "links"] });
      onClose();
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <Dialog title={t("link")} onClose={onClose}>
      <Select label={t("kind")} value={kind} onChange={({ target }) => setKind(target.value)}>
        {KINDS.map((each) => (
          <option key={each} value={each}>
            {t(each)}
          </option>
        ))}
      </Select>
      <FindTicket ticket={ticket} chosen={chosen} onChoose={setChosen} />
      {problem && (
        <p className={styles.warning} role="alert">
          {problem}
        </p>
      )}
      <div className={styles.end}>
        <Button look="primary" disabled={!chosen} onClick={() => void run()}>
          {t("linkNow")}
        </Button>
      </div>
    </Dialog>
  );
}
