import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Loaded } from "@kit/ui";
import { RotateCcw } from "lucide-react";
import { useOrganization } from "../../shell/organization";
import { useAct } from "../act";
import { Section } from "../frame";
import log from "../log.module.css";
import { Code, LogEntry } from "../log_entry";
import records from "../records.module.css";
import { useDeadJobs, useStuckChanged } from "./stuck";
import { useDeadLetterWords } from "./words";

/** Jobs that failed as often as they may. */
export function DeadJobs() {
  const t = useDeadLetterWords();
  const times = useTimes();
  const client = useClient();
  const act = useAct();
  const changed = useStuckChanged();
  const { organization_id } = useOrganization();
  const jobs = useDeadJobs();
  const retry = (ids?: string[]) =>
    act(
      async () => {
        const count = await ok(client.rpc("retry_dead_jobs", { organization_id, ...(ids ? { ids } : {}) }));
        await changed();
        return count;
      },
      (count) => t("retried", { count: Number(count) }),
    );
  return (
    <Section title={t("jobs")} intro={t("jobsHint")}>
      <Loaded query={jobs} lines={2}>
        {(all) =>
          all.length === 0 ? (
            <p className={log.muted}>{t("noJobs")}</p>
          ) : (
            <>
              <div className={log.bar}>
                <Button small onClick={() => retry()}>
                  <RotateCcw aria-hidden className={records.plus} />
                  {t("retryAll", { count: all.length })}
                </Button>
              </div>
              <ul className={log.list} aria-label={t("jobs")}>
                {all.map((job) => (
                  <LogEntry
                    key={job.id}
                    name={<code>{job.consumer}</code>}
                    aside={
                      <>
                        <Badge tone="danger">{t("attempts", { count: job.attempt })}</Badge>
                        <time dateTime={job.finished_at} title={times.full(job.finished_at)}>
                          {times.relative(job.finished_at)}
                        </time>
                        <Button small onClick={() => retry([job.id])}>
                          {t("retry")}
                        </Button>
                      </>
                    }
                  >
                    {() => (
                      <>
                        {job.error && <Code label={t("error")}>{job.error}</Code>}
                        <Code label={t("payload")}>{JSON.stringify(job.payload, null, 2)}</Code>
                      </>
                    )}
                  </LogEntry>
                ))}
              </ul>
            </>
          )
        }
      </Loaded>
    </Section>
  );
}
