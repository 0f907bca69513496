/** What the desk did in some days: as a whole, by who and where, and the AI's part in it. */
import { Button, Select, TextField } from "@kit/ui";
import { NavLink, useParams, useSearchParams } from "react-router";
import { useOrganization } from "../shell/organization";
import { AiTab } from "./ai";
import { Breakdown } from "./breakdown";
import { Overview } from "./overview";
import { PRESETS, type Preset, type Range, readRange } from "./range";
import styles from "./reports.module.css";
import { useReportWords } from "./words";

const TABS = ["overview", "agents", "teams", "channels", "tags", "ai"] as const;
type Tab = (typeof TABS)[number];

export function ReportsPage() {
  const t = useReportWords();
  const { slug } = useOrganization();
  const { tab } = useParams();
  const [query] = useSearchParams();
  const range = readRange(query);
  const shown: Tab = TABS.find((each) => each === tab) ?? "overview";
  return (
    <main className={styles.page}>
      <header className={styles.head}>
        <h1>{t("title")}</h1>
        <nav aria-label={t("title")} className={styles.tabs}>
          {TABS.map((each) => (
            <NavLink
              key={each}
              to={{
                pathname: `/${slug}/reports/${each === "overview" ? "" : each}`,
                search: query.toString(),
              }}
              aria-current={each === shown ? "page" : undefined}
            >
              {t(each)}
            </NavLink>
          ))}
        </nav>
        <RangeChoice range={range} />
      </header>
      {shown === "overview" && <Overview range={range} />}
      {shown === "agents" && <Breakdown by="agent" range={range} />}
      {shown === "teams" && <Breakdown by="team" range={range} />}
      {shown === "channels" && <Breakdown by="channel" range={range} />}
      {shown === "tags" && <Breakdown by="tag" range={range} />}
      {shown === "ai" && <AiTab range={range} />}
      <p className={styles.foot}>{t("days")}</p>
    </main>
  );
}

function RangeChoice({ range }: { range: Range }) {
  const t = useReportWords();
  const [, setQuery] = useSearchParams();
  const between = (since: string, until: string) => since && until && setQuery({ since, until });
  return (
    <div className={styles.range}>
      <Select
        label={t("range")}
        hideLabel
        value={range.preset ?? "custom"}
        onChange={({ target: { value } }) =>
          value === "custom" ? between(range.since, range.until) : setQuery({ range: value })
        }
      >
        {(Object.keys(PRESETS) as Preset[]).map((each) => (
          <option key={each} value={each}>
            {t(each)}
          </option>
        ))}
        <option value="custom">{t("custom")}</option>
      </Select>
      {range.preset === null && (
        <>
          <TextField
            label={t("from")}
            type="date"
            max={range.until}
            value={range.since}
            onChange={(event) => between(event.target.value, range.until)}
          />
          <TextField
            label={t("to")}
            type="date"
            min={range.since}
            value={range.until}
            onChange={(event) => between(range.since, event.target.value)}
          />
        </>
      )}
      <Button look="quiet" onClick={() => window.print()}>
        {t("print")}
      </Button>
    </div>
  );
}
