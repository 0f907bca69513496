import { useTimes } from "@kit/i18n/time";
import { Empty, Loaded } from "@kit/ui";
import { useState } from "react";
import { useOrganization } from "../shell/organization";
import { type By, type MetricsRow, useBacklog, useMetrics } from "./data";
import { ExportButton } from "./export_button";
import { useNumbers } from "./overview";
import type { Range } from "./range";
import styles from "./reports.module.css";
import { useReportWords } from "./words";

type Field =
  | "created"
  | "resolved"
  | "answers"
  | "first_response_p50"
  | "full_resolution_p50"
  | "sla_percent"
  | "csat_percent";
type Line = MetricsRow & { open: number | null };

/** The same numbers for each agent, team, channel or tag, in the order that one chooses. */
export function Breakdown({ by, range }: { by: By; range: Range }) {
  const t = useReportWords();
  const { atLeast } = useOrganization();
  const metrics = useMetrics(range, by);
  const backlog = useBacklog(by);
  const open = new Map((backlog.data ?? []).map((row) => [row.key, row.open]));
  return (
    <>
      {by === "agent" && !atLeast("manager") && <p className={styles.foot}>{t("onlyYou")}</p>}
      <Loaded query={metrics} lines={8}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t("noRows")}>{t("noRowsHint")}</Empty>
          ) : (
            <Table
              key={by}
              by={by}
              range={range}
              rows={rows.map((row) => ({ ...row, open: open.get(row.key) ?? 0 }))}
            />
          )
        }
      </Loaded>
    </>
  );
}

function Table({ by, range, rows }: { by: By; range: Range; rows: Line[] }) {
  const t = useReportWords();
  const times = useTimes();
  const write = useNumbers();
  const [sort, setSort] = useState<{ field: Field | "open"; descending: boolean }>({
    field: "resolved",
    descending: true,
  });
  const duration = (value: number | null) => (value === null ? "–" : times.duration(value));
  const columns: { field: Field | "open"; name: string; write: (value: number | null) => string }[] = [
    { field: "created", name: t("created"), write: (value) => write.count(value ?? 0) },
    { field: "answers", name: t("answers"), write: (value) => write.count(value ?? 0) },
    { field: "resolved", name: t("resolved"), write: (value) => write.count(value ?? 0) },
    { field: "open", name: t("open"), write: (value) => write.count(value ?? 0) },
    { field: "first_response_p50", name: t("firstResponse"), write: duration },
    { field: "full_resolution_p50", name: t("fullResolution"), write: duration },
    { field: "sla_percent", name: t("sla"), write: write.percent },
    { field: "csat_percent", name: t("csat"), write: write.percent },
  ];
  const sign = sort.descending ? -1 : 1;
  // What is not known stands last, whichever way.
  const sorted = [...rows].sort((one, other) => {
    const [a, b] = [one[sort.field], other[sort.field]];
    return a === null || b === null ? Number(a === null) - Number(b === null) : sign * (a - b);
  });
  return (
    <>
      <div className={styles.actions}>
        <ExportButton
          what={`metrics by ${by}`}
          name={`metrics-by-${by}-${range.since}-${range.until}`}
          rows={sorted}
          columns={[
            { name: by, value: (row) => row.label || row.key },
            ...columns.map((column) => ({ name: column.field, value: (row: Line) => row[column.field] })),
          ]}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <section className={styles.scroll} tabIndex={0} aria-label={t("title")}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("name")}</th>
              {columns.map((column) => (
                <th
                  scope="col"
                  key={column.field}
                  aria-sort={
                    sort.field !== column.field ? undefined : sort.descending ? "descending" : "ascending"
                  }
                >
                  <button
                    type="button"
                    className={styles.sort}
                    onClick={() =>
                      setSort({
                        field: column.field,
                        descending: sort.field !== column.field || !sort.descending,
                      })
                    }
                  >
                    {column.name}
                    <span aria-hidden="true">
                      {sort.field === column.field ? (sort.descending ? " ↓" : " ↑") : ""}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.map((row) => (
              <tr key={row.key}>
                <th scope="row">{row.label || t("gone")}</th>
                {columns.map((column) => (
                  <td key={column.field}>{column.write(row[column.field])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
