import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Button, Loaded } from "@kit/ui";
import { useAct } from "../act";
import { Section } from "../frame";
import log from "../log.module.css";
import records from "../records.module.css";
import { useFailedProviderMails, useQuarantinedMails, useStuckChanged } from "./stuck";
import { useDeadLetterWords } from "./words";

type Line = { id: string; name: string; about: string; at: string };

/** Mails that came and could not be read. The raw mail is kept: reading it is tried again. */
export function QuarantinedMails() {
  const t = useDeadLetterWords();
  const client = useClient();
  const mails = useQuarantinedMails();
  return (
    <Mails
      title={t("quarantined")}
      intro={t("quarantinedHint")}
      none={t("noQuarantined")}
      query={{
        ...mails,
        data: mails.data?.map((mail) => ({
          id: mail.id,
          name: mail.subject || t("noSubject"),
          about: [mail.sender ?? mail.envelope_from, mail.reason].filter(Boolean).join(" · "),
          at: mail.created_at,
        })),
      }}
      retry={(id) => ok(client.rpc("retry_inbound_mail", { inbound_mail_id: id }))}
    />
  );
}

/** Mails that a provider holds for the desk and that could not be fetched. */
export function ProviderMails() {
  const t = useDeadLetterWords();
  const client = useClient();
  const mails = useFailedProviderMails();
  return (
    <Mails
      title={t("unfetched")}
      intro={t("unfetchedHint")}
      none={t("noUnfetched")}
      query={{
        ...mails,
        data: mails.data?.map((mail) => ({
          id: mail.id,
          name: mail.recipients.join(", ") || mail.provider_id,
          about: [mail.provider, mail.reason].filter(Boolean).join(" · "),
          at: mail.created_at,
        })),
      }}
      retry={(id) => ok(client.rpc("retry_provider_mail", { provider_mail_id: id }))}
    />
  );
}

function Mails({
  title,
  intro,
  none,
  query,
  retry,
}: {
  title: string;
  intro: string;
  none: string;
  query: { data: Line[] | undefined; error: unknown; refetch: () => unknown };
  retry: (id: string) => Promise<unknown>;
}) {
  const t = useDeadLetterWords();
  const times = useTimes();
  const act = useAct();
  const changed = useStuckChanged();
  return (
    <Section title={title} intro={intro}>
      <Loaded query={query} lines={2}>
        {(mails) =>
          mails.length === 0 ? (
            <p className={log.muted}>{none}</p>
          ) : (
            <ul className={records.list} aria-label={title}>
              {mails.map((mail) => (
                <li key={mail.id} className={records.row}>
                  <div className={records.what}>
                    <span className={records.name} dir="auto">
                      {mail.name}
                    </span>
                    <div className={records.about} dir="auto">
                      {mail.about}
                    </div>
                    <time className={records.about} dateTime={mail.at} title={times.full(mail.at)}>
                      {times.relative(mail.at)}
                    </time>
                  </div>
                  <Button
                    small
                    onClick={() =>
                      act(
                        async () => {
                          await retry(mail.id);
                          await changed();
                        },
                        t("retried", { count: 1 }),
                      )
                    }
                  >
                    {t("retry")}
                  </Button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Section>
  );
}
