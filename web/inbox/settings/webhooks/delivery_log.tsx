import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded, Select, type Tone } from "@kit/ui";
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { useAct } from "../act";
import { ConfirmDialog } from "../edit_dialog";
import { Section } from "../frame";
import log from "../log.module.css";
import { Code, LogEntry, pretty } from "../log_entry";
import records from "../records.module.css";
import { ReplayRange } from "./replay_range";
import { type Delivery, type Endpoint, useAttempts, useDeliveries, useDeliveriesChanged } from "./webhooks";
import { useWebhookWords } from "./words";

const STATES = ["waiting", "delivered", "failed"] as const;
const TONES: Record<Delivery["state"], Tone> = {
  waiting: "warning",
  delivered: "success",
  failed: "danger",
};

export function DeliveryLog({
  endpoints,
  chosen,
  onChoose,
}: {
  endpoints: Endpoint[];
  /** An endpoint's id, or all. */
  chosen: string;
  onChoose: (id: string) => void;
}) {
  const t = useWebhookWords();
  const client = useClient();
  const act = useAct();
  const changed = useDeliveriesChanged();
  const [state, setState] = useState("");
  const [asked, setAsked] = useState<"failed" | "range" | null>(null);
  const deliveries = useDeliveries(chosen, state);
  // Where there is one endpoint only, nobody has to choose it.
  const endpoint =
    endpoints.find(({ id }) => id === chosen) ?? (endpoints.length === 1 ? endpoints[0] : undefined);
  const replayed = (count: unknown) => t("replayed", { count: Number(count) });
  return (
    <Section title={t("log")} intro={t("logHint")}>
      <div className={log.filters}>
        <Select label={t("endpoint")} value={chosen} onChange={(event) => onChoose(event.target.value)}>
          <option value="">{t("allEndpoints")}</option>
          {endpoints.map((each) => (
            <option key={each.id} value={each.id}>
              {each.url}
            </option>
          ))}
        </Select>
        <Select label={t("state")} value={state} onChange={(event) => setState(event.target.value)}>
          <option value="">{t("anyState")}</option>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {t(each)}
            </option>
          ))}
        </Select>
      </div>
      {endpoint && (
        <div className={log.bar}>
          <Button small onClick={() => setAsked("failed")}>
            <RotateCcw aria-hidden className={records.plus} />
            {t("replayFailed")}
          </Button>
          <Button small onClick={() => setAsked("range")}>
            {t("replayRange")}
          </Button>
        </div>
      )}
      <Loaded query={deliveries} lines={4}>
        {({ pages }) => {
          const rows = pages.flat();
          if (rows.length === 0) return <Empty title={t("nothingSent")}>{t("nothingSentHint")}</Empty>;
          return (
            <ul className={log.list} aria-label={t("log")}>
              {rows.map((delivery) => (
                <Entry key={delivery.id} delivery={delivery} />
              ))}
            </ul>
          );
        }}
      </Loaded>
      {deliveries.hasNextPage && (
        <Button
          small
          look="quiet"
          className={log.more}
          busy={deliveries.isFetchingNextPage}
          onClick={() => void deliveries.fetchNextPage()}
        >
          {t("older")}
        </Button>
      )}
      {asked === "failed" && endpoint && (
        <ConfirmDialog
          title={t("replayFailed")}
          action={t("sendAgain")}
          onConfirm={async () => {
            const count = await ok(client.rpc("replay_failed_webhooks", { endpoint_id: endpoint.id }));
            act(changed, replayed(count));
          }}
          onClose={() => setAsked(null)}
        >
          <p>{t("replayFailedText", { url: endpoint.url })}</p>
        </ConfirmDialog>
      )}
      {asked === "range" && endpoint && (
        <ReplayRange
          endpoint={endpoint}
          onReplayed={(count) => act(changed, replayed(count))}
          onClose={() => setAsked(null)}
        />
      )}
    </Section>
  );
}

function Entry({ delivery }: { delivery: Delivery }) {
  const t = useWebhookWords();
  const times = useTimes();
  const client = useClient();
  const act = useAct();
  const changed = useDeliveriesChanged();
  return (
    <LogEntry
      name={<code>{delivery.event_type}</code>}
      aside={
        <>
          {delivery.status !== null && <span>HTTP {delivery.status}</span>}
          <Badge tone={TONES[delivery.state]}>{t(delivery.state)}</Badge>
          <time dateTime={delivery.created_at} title={times.full(delivery.created_at)}>
            {times.relative(delivery.created_at)}
          </time>
        </>
      }
    >
      {() => (
        <>
          <div className={log.bar}>
            <Button
              small
              onClick={() =>
                act(
                  async () => {
                    await ok(client.rpc("replay_webhook", { delivery_id: delivery.id }));
                    await changed();
                  },
                  t("replayed", { count: 1 }),
                )
              }
            >
              <RotateCcw aria-hidden className={records.plus} />
              {t("sendAgain")}
            </Button>
            {delivery.state === "waiting" && delivery.next_attempt_at && (
              <span className={log.muted}>
                {t("next", { when: times.relative(delivery.next_attempt_at) })}
              </span>
            )}
          </div>
          <Code label={t("payload")}>{pretty(delivery.payload)}</Code>
          <Attempts delivery={delivery} />
        </>
      )}
    </LogEntry>
  );
}

function Attempts({ delivery }: { delivery: Delivery }) {
  const t = useWebhookWords();
  const times = useTimes();
  const attempts = useAttempts(delivery);
  return (
    <Loaded query={attempts} lines={2}>
      {(all) =>
        all.length === 0 ? (
          <p className={log.muted}>{t("noAttempt")}</p>
        ) : (
          all.map((attempt) => (
            <div key={attempt.id} className={log.details} style={{ padding: 0 }}>
              <p className={log.muted}>
                {t("attempt", {
                  when: times.full(attempt.started_at),
                  status: attempt.status === null ? t("noAnswer") : `HTTP ${attempt.status}`,
                  ms: attempt.ms,
                })}
                {attempt.error && ` · ${attempt.error}`}
              </p>
              {attempt.response && <Code label={t("response")}>{attempt.response}</Code>}
            </div>
          ))
        )
      }
    </Loaded>
  );
}
