import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Loaded } from "@kit/ui";
import { useAct } from "../act";
import { Section } from "../frame";
import log from "../log.module.css";
import { Code, LogEntry } from "../log_entry";
import { type DoubtfulMail, useDoubtfulMails, useStuckChanged } from "./stuck";
import { useDeadLetterWords } from "./words";

const DECISIONS = ["was_sent", "send_again", "give_up"] as const;

/** Mails of which nobody knows whether they went out, and those that never will: a person decides. */
export function DoubtfulMails() {
  const t = useDeadLetterWords();
  const mails = useDoubtfulMails();
  return (
    <Section title={t("doubtful")} intro={t("doubtfulHint")}>
      <Loaded query={mails} lines={2}>
        {(all) =>
          all.length === 0 ? (
            <p className={log.muted}>{t("noDoubtful")}</p>
          ) : (
            <ul className={log.list} aria-label={t("doubtful")}>
              {all.map((mail) => (
                <Line key={mail.id} mail={mail} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}

function Line({ mail }: { mail: DoubtfulMail }) {
  const t = useDeadLetterWords();
  const times = useTimes();
  const client = useClient();
  const act = useAct();
  const changed = useStuckChanged();
  return (
    <LogEntry
      name={<span dir="auto">{mail.subject}</span>}
      aside={
        <>
          <span>{mail.to_address}</span>
          <Badge tone={mail.status === "unknown" ? "warning" : "danger"}>
            {t(mail.status === "unknown" ? "unknown" : "failed")}
          </Badge>
          <time dateTime={mail.created_at} title={times.full(mail.created_at)}>
            {times.relative(mail.created_at)}
          </time>
        </>
      }
    >
      {() => (
        <>
          {mail.reason && <p className={log.muted}>{mail.reason}</p>}
          <Code label={t("text")}>{mail.body_text}</Code>
          <div className={log.bar}>
            {DECISIONS.map((decision) => (
              <Button
                key={decision}
                small
                onClick={() =>
                  act(async () => {
                    await ok(client.rpc("resolve_outgoing_mail", { id: mail.id, decision }));
                    await changed();
                  }, t("decided"))
                }
              >
                {t(decision)}
              </Button>
            ))}
          </div>
        </>
      )}
    </LogEntry>
  );
}
