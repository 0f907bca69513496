import { useLanguage } from "@kit/i18n";
import { useTimes } from "@kit/i18n/time";
import { Loaded } from "@kit/ui";
import { changeOf } from "./change";
import { Bars, Lines } from "./charts";
import { type BacklogRow, filled, type MetricsRow, useBacklog, useMetrics } from "./data";
import { ExportButton } from "./export_button";
import { before, periodsOf, perOf, type Range } from "./range";
import styles from "./reports.module.css";
import { Tile } from "./tile";
import { useReportWords } from "./words";

const FIELDS = ["created", "resolved", "first_response_p50", "sla_percent", "csat_percent"] as const;

export function Overview({ range }: { range: Range }) {
  const per = perOf(range);
  const total = useMetrics(range);
  const earlier = useMetrics(before(range));
  const series = useMetrics(range, "organization", per);
  const backlog = useBacklog();
  const points = filled(series.data ?? [], periodsOf(range, per));
  return (
    <Loaded query={total} lines={10}>
      {([now]) => (
        <>
          <Tiles now={now} then={earlier.data?.[0]} points={points} />
          <div className={styles.actions}>
            <ExportButton
              what="metrics"
              name={`metrics-${range.since}-${range.until}`}
              rows={points}
              columns={[
                { name: "period", value: (row) => row.period },
                ...FIELDS.map((field) => ({
                  name: field,
                  value: (row: Partial<MetricsRow>) => row[field] ?? null,
                })),
              ]}
            />
          </div>
          <div className={styles.grid}>
            <Pictures now={now} points={points} />
            <Loaded query={backlog}>{([row]) => <Backlog row={row} />}</Loaded>
          </div>
        </>
      )}
    </Loaded>
  );
}

type Points = (Partial<MetricsRow> & { period: string })[];
type Total = MetricsRow | undefined;

function Tiles({ now, then, points }: { now: Total; then: Total; points: Points }) {
  const t = useReportWords();
  const times = useTimes();
  const write = useNumbers();
  const line = (field: (typeof FIELDS)[number]) => points.map((point) => point[field] ?? null);
  return (
    <dl className={styles.tiles}>
      <Tile
        name={t("created")}
        hint={t("createdHint")}
        value={write.count(now?.created ?? 0)}
        change={changeOf(now?.created, then?.created, null)}
        line={line("created")}
      />
      <Tile
        name={t("resolved")}
        hint={t("resolvedHint")}
        value={write.count(now?.resolved ?? 0)}
        change={changeOf(now?.resolved, then?.resolved, "up")}
        line={line("resolved")}
      />
      <Tile
        name={t("firstResponse")}
        hint={t("firstResponseHint")}
        value={now?.first_response_p50 == null ? "–" : times.duration(now.first_response_p50)}
        change={changeOf(now?.first_response_p50, then?.first_response_p50, "down")}
        line={line("first_response_p50")}
      />
      <Tile
        name={t("sla")}
        hint={t("slaHint")}
        value={write.percent(now?.sla_percent)}
        change={changeOf(now?.sla_percent, then?.sla_percent, "up")}
        line={line("sla_percent")}
      />
      <Tile
        name={t("csat")}
        hint={t("csatHint")}
        value={write.percent(now?.csat_percent)}
        change={changeOf(now?.csat_percent, then?.csat_percent, "up")}
        line={line("csat_percent")}
      />
    </dl>
  );
}

function Pictures({ now, points }: { now: Total; points: Points }) {
  const t = useReportWords();
  const times = useTimes();
  const write = useNumbers();
  const along = { key: "period", name: t("day"), format: times.dayShort };
  const pick = <K extends keyof MetricsRow>(...keys: K[]) =>
    points.map((point) =>
      Object.fromEntries([["period", point.period], ...keys.map((key) => [key, point[key] ?? null])]),
    );
  const promises = (now?.sla_kept ?? 0) + (now?.sla_broken ?? 0);
  const duration = (seconds: number | null | undefined) => (seconds == null ? "–" : times.duration(seconds));
  return (
    <>
      <Bars
        title={t("volumes")}
        sentence={t("volumesSays", { created: now?.created ?? 0, resolved: now?.resolved ?? 0 })}
        along={along}
        format={write.count}
        points={pick("created")}
        series={[{ key: "created", name: t("created"), color: "var(--chart-1)" }]}
      />
      <Lines
        title={t("times")}
        sentence={t("timesSays", {
          first: duration(now?.first_response_p50),
          full: duration(now?.full_resolution_p50),
        })}
        along={along}
        format={times.duration}
        points={pick("first_response_p50", "next_response_p50", "full_resolution_p50")}
        series={[
          { key: "first_response_p50", name: t("firstResponse"), color: "var(--chart-1)" },
          { key: "next_response_p50", name: t("nextResponse"), color: "var(--chart-2)" },
          { key: "full_resolution_p50", name: t("fullResolution"), color: "var(--chart-3)" },
        ]}
      />
      <Lines
        title={t("slaChart")}
        sentence={
          promises
            ? t("slaSays", { percent: write.percent(now?.sla_percent), count: promises })
            : t("noPromises")
        }
        along={along}
        format={write.count}
        points={pick("sla_percent")}
        series={[{ key: "sla_percent", name: t("percentKept"), color: "var(--chart-3)" }]}
      />
      <Lines
        title={t("csatChart")}
        sentence={
          now?.csat_ratings
            ? t("csatSays", { count: now.csat_ratings, mean: write.count(now.csat_mean ?? 0) })
            : t("noRatings")
        }
        along={along}
        format={write.count}
        points={pick("csat_percent")}
        series={[{ key: "csat_percent", name: t("percentGood"), color: "var(--chart-4)" }]}
      />
    </>
  );
}

const AGES = [
  ["d0", "days_0"],
  ["d1", "days_1_to_3"],
  ["d4", "days_4_to_7"],
  ["d8", "days_8_to_30"],
  ["d30", "days_over_30"],
] as const;

function Backlog({ row }: { row: BacklogRow | undefined }) {
  const t = useReportWords();
  const write = useNumbers();
  const points = AGES.map(([word, field]) => ({ age: t(word), tickets: row?.[field] ?? 0 }));
  return (
    <Bars
      title={t("backlog")}
      sentence={
        row?.unresolved
          ? t("backlogSays", { count: row.unresolved, days: row.age_days_p50 ?? 0 })
          : t("backlogNone")
      }
      along={{ key: "age", name: t("age"), format: (value) => value }}
      format={write.count}
      points={points}
      series={[{ key: "tickets", name: t("tickets"), color: "var(--chart-2)" }]}
    />
  );
}

export function useNumbers() {
  const { language } = useLanguage();
  const count = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const usd = new Intl.NumberFormat(language, { style: "currency", currency: "USD" });
  return {
    count: (value: number) => count.format(value),
    /** Of a percentage as the database gives it: 97.5. */
    percent: (value: number | null | undefined) => (value == null ? "–" : percent.format(value / 100)),
    usd: (value: number) => usd.format(value),
  };
}
