/** The AI's part: what it resolved, what became of its drafts, how far it could be trusted, and what it cost. */
import { useTimes } from "@kit/i18n/time";
import { Loaded } from "@kit/ui";
import { Bars, Lines } from "./charts";
import { type AiReport, filled, type MetricsRow, useAiReport, useMetrics } from "./data";
import { useNumbers } from "./overview";
import { periodsOf, perOf, type Range } from "./range";
import styles from "./reports.module.css";
import { useReportWords } from "./words";

export function AiTab({ range }: { range: Range }) {
  const per = perOf(range);
  const total = useMetrics(range);
  const series = useMetrics(range, "organization", per);
  const report = useAiReport(range);
  const points = filled(series.data ?? [], periodsOf(range, per));
  return (
    <div className={styles.grid}>
      <Loaded query={total}>{([now]) => <Resolutions now={now} points={points} />}</Loaded>
      <Loaded query={report}>
        {(found) => (
          <>
            <Drafts drafts={found.drafts} />
            <Curve curve={found.curve} />
            <Cost cost={found.cost} />
          </>
        )}
      </Loaded>
    </div>
  );
}

type Points = (Partial<MetricsRow> & { period: string })[];

function Resolutions({ now, points }: { now: MetricsRow | undefined; points: Points }) {
  const t = useReportWords();
  const times = useTimes();
  const write = useNumbers();
  const along = { key: "period", name: t("day"), format: times.dayShort };
  const share = now?.resolved ? (100 * (now.resolved_by_ai ?? 0)) / now.resolved : null;
  const pick = (...keys: (keyof MetricsRow)[]) =>
    points.map((point) =>
      Object.fromEntries([["period", point.period], ...keys.map((key) => [key, point[key] ?? 0])]),
    );
  return (
    <>
      <Bars
        title={t("who")}
        sentence={t("whoSays", { percent: write.percent(share) })}
        along={along}
        format={write.count}
        points={pick("resolved_by_ai", "resolved_by_both", "resolved_by_member", "resolved_by_nobody")}
        series={[
          { key: "resolved_by_ai", name: t("byAi"), color: "var(--chart-1)" },
          { key: "resolved_by_both", name: t("byBoth"), color: "var(--chart-4)" },
          { key: "resolved_by_member", name: t("byMember"), color: "var(--chart-3)" },
          { key: "resolved_by_nobody", name: t("byNobody"), color: "var(--chart-5)" },
        ]}
      />
      <Bars
        title={t("split")}
        sentence={t("splitSays", { reopened: now?.reopened ?? 0 })}
        along={along}
        format={write.count}
        points={pick("confirmed", "assumed", "pending", "disputed", "reopened")}
        series={[
          { key: "confirmed", name: t("confirmed"), color: "var(--chart-3)" },
          { key: "assumed", name: t("assumed"), color: "var(--chart-1)" },
          { key: "pending", name: t("pending"), color: "var(--chart-5)" },
          { key: "disputed", name: t("disputed"), color: "var(--chart-4)" },
          { key: "reopened", name: t("reopened"), color: "var(--chart-2)" },
        ]}
      />
    </>
  );
}

function Drafts({ drafts }: { drafts: AiReport["drafts"] }) {
  const t = useReportWords();
  const write = useNumbers();
  const judged = drafts.accepted + drafts.edited + drafts.rejected;
  const fates = [
    [t("sent"), drafts.sent],
    [t("accepted"), drafts.accepted],
    [t("edited"), drafts.edited],
    [t("rejected"), drafts.rejected],
    [t("draftWaiting"), drafts.waiting],
    [t("escalated"), drafts.escalated],
  ] as const;
  return (
    <Bars
      title={t("drafts")}
      sentence={t("draftsSays", {
        count: fates.reduce((sum, [, count]) => sum + count, 0),
        percent: write.percent(judged ? (100 * drafts.accepted) / judged : null),
      })}
      along={{ key: "fate", name: t("drafts"), format: (value) => value }}
      format={write.count}
      points={fates.map(([fate, count]) => ({ fate, count }))}
      series={[{ key: "count", name: t("tickets"), color: "var(--chart-1)" }]}
    />
  );
}

const THRESHOLD = 0.7;

function Curve({ curve }: { curve: AiReport["curve"] }) {
  const t = useReportWords();
  const write = useNumbers();
  const at = curve.find((point) => point.threshold >= THRESHOLD);
  const isJudged = curve.some((point) => point.judged > 0);
  return (
    <Lines
      title={t("curve")}
      sentence={
        at && isJudged
          ? t("curveSays", {
              threshold: write.count(at.threshold),
              coverage: write.percent(at.coverage),
              risk: write.percent(at.risk),
            })
          : t("curveNone")
      }
      along={{ key: "threshold", name: t("threshold"), format: (value) => write.count(Number(value)) }}
      format={write.count}
      points={curve.map(({ threshold, coverage, risk }) => ({ threshold, coverage, risk }))}
      series={[
        { key: "coverage", name: t("coverage"), color: "var(--chart-1)" },
        { key: "risk", name: t("risk"), color: "var(--chart-2)" },
      ]}
    />
  );
}

function Cost({ cost }: { cost: AiReport["cost"] }) {
  const t = useReportWords();
  const times = useTimes();
  const write = useNumbers();
  const sum = (field: "usd" | "calls" | "failures") => cost.reduce((total, day) => total + day[field], 0);
  return (
    <Bars
      title={t("cost")}
      sentence={
        cost.length
          ? t("costSays", { cost: write.usd(sum("usd")), calls: sum("calls"), failures: sum("failures") })
          : t("costNone")
      }
      along={{ key: "day", name: t("day"), format: times.dayShort }}
      format={write.usd}
      points={cost.map(({ day, usd }) => ({ day, usd }))}
      series={[{ key: "usd", name: t("usd"), color: "var(--chart-4)" }]}
    />
  );
}
