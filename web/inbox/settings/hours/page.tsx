import type { Row } from "@kit/api/client";
import { Badge } from "@kit/ui";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { CalendarEditor } from "./calendar_editor";
import { useHourWords } from "./words";

export type Calendar = Row<"calendars">;

export function Page() {
  const t = useHourWords();
  const ts = useSettingsWords();
  const calendars = useRows("calendars", ["name"]);
  const hours = useRows("calendar_hours", ["weekday", "opens"]);
  const holidays = useRows("calendar_holidays", ["day"]);
  const table = useTable("calendars");
  const of = <T extends { calendar_id: string }>(rows: T[] | undefined, { id }: Calendar) =>
    (rows ?? []).filter((row) => row.calendar_id === id);
  return (
    <RecordsPage<Calendar>
      title={ts("hours")}
      intro={t("intro")}
      query={calendars}
      keyOf={(calendar) => calendar.id}
      nameOf={(calendar) => calendar.name}
      about={(calendar) => {
        const days = new Set(of(hours.data, calendar).map((row) => row.weekday)).size;
        const free = of(holidays.data, calendar).length;
        return [calendar.time_zone, t("open", { count: days }), t("free", { count: free })].join(" · ");
      }}
      aside={(calendar) => calendar.is_default && <Badge tone="accent">{t("default")}</Badge>}
      addLabel={t("add")}
      empty={t("empty")}
      emptyHint={t("emptyHint")}
      editor={(calendar, close) =>
        hours.data &&
        holidays.data && (
          <CalendarEditor
            calendar={calendar}
            all={calendars.data ?? []}
            hours={calendar ? of(hours.data, calendar) : []}
            holidays={calendar ? of(holidays.data, calendar) : []}
            onClose={close}
          />
        )
      }
      remove={(calendar) => table.remove({ id: calendar.id })}
    />
  );
}
