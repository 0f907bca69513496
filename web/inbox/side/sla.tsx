/** The clocks of what was promised, counting down; pressed, each says which stretches it has counted. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Dialog, Loaded, Section, type Tone } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import { secondsOf } from "./interval";
import styles from "./side.module.css";
import { useSideWords } from "./words";

type Clock = Pick<
  Row<"sla_clocks">,
  | "metric"
  | "cycle"
  | "target"
  | "due_at"
  | "warn_at"
  | "running_since"
  | "stopped_at"
  | "breached_at"
  | "started_at"
>;
type Metric = "first_response" | "next_response" | "resolution";

function useClocks(ticket: Ticket) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["ticket", ticket.id, "clocks"],
    queryFn: (): Promise<Clock[]> =>
      ok(
        client
          .from("sla_clocks")
          .select(
            "metric, cycle, target, due_at, warn_at, running_since, stopped_at, breached_at, started_at",
          )
          .eq("organization_id", organization_id)
          .eq("ticket_id", ticket.id)
          .order("started_at"),
      ),
  });
}

export function SlaClocks({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const clocks = useClocks(ticket);
  const [explained, setExplained] = useState<Clock | null>(null);
  if (!clocks.data?.length) return null;
  // Of the answers that followed each other, the last one and those that were late.
  const last = Math.max(...clocks.data.map(({ metric, cycle }) => (metric === "next_response" ? cycle : 0)));
  const shown = clocks.data.filter(
    ({ metric, cycle, breached_at }) => metric !== "next_response" || cycle === last || breached_at,
  );
  return (
    <Section name="sla" title={t("sla")}>
      <ul className={styles.list}>
        {shown.map((clock) => (
          <li key={`${clock.metric} ${clock.cycle}`}>
            <ClockRow clock={clock} onExplain={() => setExplained(clock)} />
          </li>
        ))}
      </ul>
      {explained && <Explained ticket={ticket} clock={explained} onClose={() => setExplained(null)} />}
    </Section>
  );
}

function ClockRow({ clock, onExplain }: { clock: Clock; onExplain: () => void }) {
  const t = useSideWords();
  const times = useTimes();
  const now = useNow(clock.due_at !== null && clock.stopped_at === null);
  const name = t(clock.metric as Metric);
  const [tone, said] = stateOf(clock, now, t, times.duration);
  return (
    <button type="button" className={styles.clock} onClick={onExplain}>
      <span>{name}</span>
      <Badge tone={tone}>{said}</Badge>
      <span className={styles.small}>{t("of", { time: times.duration(secondsOf(clock.target)) })}</span>
    </button>
  );
}

function stateOf(
  clock: Clock,
  now: number,
  t: ReturnType<typeof useSideWords>,
  duration: (seconds: number) => string,
): [Tone, string] {
  if (clock.stopped_at) return clock.breached_at ? ["danger", t("missed")] : ["success", t("met")];
  if (!clock.due_at) return clock.breached_at ? ["danger", t("missed")] : ["neutral", t("paused")];
  const left = (Date.parse(clock.due_at) - now) / 1000;
  if (left <= 0) return ["danger", t("late", { time: duration(-left) })];
  const isNear = clock.warn_at !== null && Date.parse(clock.warn_at) <= now;
  return [isNear ? "warning" : "accent", t("left", { time: duration(left) })];
}

const TICK_MS = 1_000;

/** The time, each second while it is asked for. */
function useNow(runs: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [runs]);
  return now;
}

function Explained({ ticket, clock, onClose }: { ticket: Ticket; clock: Clock; onClose: () => void }) {
  const t = useSideWords();
  const times = useTimes();
  const client = useClient();
  const stretches = useQuery({
    queryKey: ["ticket", ticket.id, "sla"],
    queryFn: () => ok(client.rpc("explain_sla", { ticket_id: ticket.id })),
  });
  return (
    <Dialog title={t("explainClock", { clock: t(clock.metric as Metric) })} onClose={onClose}>
      <Loaded query={stretches}>
        {(all) => {
          const rows = all.filter(({ metric, cycle }) => metric === clock.metric && cycle === clock.cycle);
          if (rows.length === 0) return <p>{t("nothingCounted")}</p>;
          return (
            <>
              <p className={styles.muted}>{t("policy", { policy: rows[0]?.policy ?? "" })}</p>
              <ol className={styles.stretches}>
                {rows.map((each) => (
                  <li key={each.starts} data-state={each.state}>
                    <span>
                      {times.moment(each.starts)} – {times.moment(each.ends)}
                    </span>
                    <span className={styles.small}>{t(each.state as "counted" | "paused" | "closed")}</span>
                    <span>{each.state === "counted" ? times.duration(secondsOf(each.counted)) : "–"}</span>
                  </li>
                ))}
              </ol>
            </>
          );
        }}
      </Loaded>
    </Dialog>
  );
}
