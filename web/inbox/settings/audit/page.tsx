import { useClient } from "@kit/api/client";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded, Select, TextField, type Tone } from "@kit/ui";
import { Download } from "lucide-react";
import { useState } from "react";
import { usePeople } from "../../shell/desk";
import { useOrganization } from "../../shell/organization";
import { useAct } from "../act";
import { PageFrame } from "../frame";
import log from "../log.module.css";
import { LogEntry } from "../log_entry";
import records from "../records.module.css";
import { useSettingsWords } from "../words";
import { ACTIONS, changesOf, type Entry, exportAudit, type Filters, NO_FILTERS, useAudit } from "./audit";
import { Verify } from "./verify";
import { useAuditWords } from "./words";

/** What the log tells most of; anything else is found by who and when. */
const TABLES =
  "organizations users members invitations mail_addresses api_keys teams team_members webhook_endpoints ticket_categories ticket_statuses routing_rules sla_policies calendars macros canned_responses custom_fields chat_widgets contacts privacy_requests audit_log".split(
    " ",
  );
const TONES: Partial<Record<string, Tone>> = {
  insert: "success",
  delete: "danger",
  sign_in_failed: "danger",
  export: "warning",
  redact: "warning",
};

export function Page() {
  const t = useAuditWords();
  const ts = useSettingsWords();
  const client = useClient();
  const act = useAct();
  const { organization_id } = useOrganization();
  const { all: people, person } = usePeople();
  const [filters, setFilters] = useState<Filters>(NO_FILTERS);
  const entries = useAudit(filters);
  const set = (name: keyof Filters) => (event: { target: { value: string } }) =>
    setFilters({ ...filters, [name]: event.target.value });
  const save = () =>
    act(
      async () => {
        const nameOf = (id: string | null) => (id ? person(id).name : "");
        const { csv, count } = await exportAudit(client, organization_id, filters, nameOf);
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
        link.download = `audit-${new Date().toISOString().slice(0, 10)}.csv`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
        await entries.refetch();
        return count;
      },
      (count) => t("exported", { count: Number(count) }),
    );
  return (
    <PageFrame
      title={ts("audit")}
      intro={t("intro")}
      actions={
        <Button onClick={save}>
          <Download aria-hidden className={records.plus} />
          {t("save")}
        </Button>
      }
    >
      <Verify />
      <div className={log.filters}>
        <Select label={t("action")} value={filters.action} onChange={set("action")}>
          <option value="">{t("anyAction")}</option>
          {ACTIONS.map((action) => (
            <option key={action} value={action}>
              {t(action)}
            </option>
          ))}
        </Select>
        <Select label={t("table")} value={filters.table} onChange={set("table")}>
          <option value="">{t("anyTable")}</option>
          {TABLES.map((table) => (
            <option key={table} value={table}>
              {table}
            </option>
          ))}
        </Select>
        <Select label={t("actor")} value={filters.actor} onChange={set("actor")}>
          <option value="">{t("anybody")}</option>
          {people.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
        <TextField label={t("since")} type="date" value={filters.since} onChange={set("since")} />
        <TextField label={t("until")} type="date" value={filters.until} onChange={set("until")} />
      </div>
      <Loaded query={entries} lines={8}>
        {({ pages }) => {
          const rows = pages.flat();
          if (rows.length === 0) return <Empty title={t("nothing")} />;
          return (
            <ul className={log.list} aria-label={ts("audit")}>
              {rows.map((entry) => (
                <Line key={entry.id} entry={entry} />
              ))}
            </ul>
          );
        }}
      </Loaded>
      {entries.hasNextPage && (
        <Button
          small
          look="quiet"
          className={log.more}
          busy={entries.isFetchingNextPage}
          onClick={() => void entries.fetchNextPage()}
        >
          {t("older")}
        </Button>
      )}
    </PageFrame>
  );
}

function Line({ entry }: { entry: Entry }) {
  const t = useAuditWords();
  const times = useTimes();
  const { all } = usePeople();
  const who =
    all.find(({ id }) => id === entry.actor_id)?.name ?? (entry.actor_id ? t("program") : t("desk"));
  return (
    <LogEntry
      name={
        <span>
          {who} <Badge tone={TONES[entry.action] ?? "neutral"}>{t(entry.action as "insert")}</Badge>{" "}
          <code>{entry.table_name}</code>
        </span>
      }
      aside={
        <time dateTime={entry.created_at} title={times.full(entry.created_at)}>
          {times.moment(entry.created_at)}
        </time>
      }
    >
      {() => (
        <>
          <dl className={log.facts}>
            <dt>{t("row")}</dt>
            <dd>{entry.row_id || "–"}</dd>
            <dt>{t("from")}</dt>
            <dd>{entry.ip ?? "–"}</dd>
            <dt>{t("by")}</dt>
            <dd>{entry.user_agent ?? "–"}</dd>
          </dl>
          <dl className={log.facts}>
            {changesOf(entry).map(({ column, before, after }) => (
              <Change key={column} column={column} before={before} after={after} />
            ))}
          </dl>
        </>
      )}
    </LogEntry>
  );
}

function Change({ column, before, after }: { column: string; before: string; after: string }) {
  return (
    <>
      <dt>
        <code>{column}</code>
      </dt>
      <dd dir="auto">
        {before && <del>{before}</del>} {after && <ins>{after}</ins>}
      </dd>
    </>
  );
}
