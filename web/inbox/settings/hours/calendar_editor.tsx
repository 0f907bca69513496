import type { Row } from "@kit/api/client";
import { Checkbox, TextField } from "@kit/ui";
import { useState } from "react";
import { EditDialog } from "../edit_dialog";
import { useRowForm } from "../row_form";
import { useTable } from "../rows";
import { TimeZoneField } from "../time_zone";
import { useSettingsWords } from "../words";
import { Holidays } from "./holidays";
import type { Calendar } from "./page";
import { type Hours, OFFICE, Week } from "./week";
import { useHourWords } from "./words";

export type Holiday = { day: string; name: string };

export function CalendarEditor({
  calendar,
  all,
  hours,
  holidays,
  onClose,
}: {
  calendar: Calendar | null;
  all: Calendar[];
  hours: Row<"calendar_hours">[];
  holidays: Row<"calendar_holidays">[];
  onClose: () => void;
}) {
  const t = useHourWords();
  const ts = useSettingsWords();
  const table = useTable("calendars");
  const hourRows = useTable("calendar_hours");
  const holidayRows = useTable("calendar_holidays");
  const [week, setWeek] = useState<Hours[] | null>(null);
  const [free, setFree] = useState<Holiday[] | null>(null);
  const shownWeek = week ?? (calendar ? hours.map(toHours) : OFFICE);
  const shownFree = free ?? holidays.map(({ day, name }) => ({ day, name }));
  const { value, set, isDirty, saving } = useRowForm({
    table: "calendars",
    row: calendar,
    fresh: {
      name: "",
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      is_default: all.length === 0,
    },
    before: async (next) => {
      if (shownWeek.some((each) => each.opens >= each.closes)) throw new Error(t("backwards"));
      const old = all.find((each) => each.is_default && each.id !== calendar?.id);
      if (next.is_default && old) await table.change({ id: old.id }, { is_default: false });
    },
    after: async ({ id }) => {
      if (week || !calendar) {
        const gone = hours.filter((row) => !shownWeek.some((each) => sameHours(each, toHours(row))));
        const added = shownWeek.filter((each) => !hours.some((row) => sameHours(each, toHours(row))));
        for (const row of gone) await hourRows.remove({ id: row.id });
        await hourRows.addMany(added.map((each) => ({ ...each, calendar_id: id })));
      }
      if (free) {
        const isKept = (row: Holiday) => free.some((each) => each.day === row.day && each.name === row.name);
        for (const row of holidays) if (!isKept(row)) await holidayRows.remove({ id: row.id });
        const isThere = (each: Holiday) =>
          holidays.some((row) => row.day === each.day && row.name === each.name);
        await holidayRows.addMany(
          free.filter((each) => each.day && !isThere(each)).map((each) => ({ ...each, calendar_id: id })),
        );
      }
    },
    onSaved: onClose,
  });
  return (
    <EditDialog
      wide
      title={calendar ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty || week !== null || free !== null}
      onClose={onClose}
    >
      <TextField
        label={ts("name")}
        required
        maxLength={100}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <TimeZoneField
        label={t("zone")}
        value={value.time_zone}
        error={saving.at("time_zone")}
        onChange={(zone) => set("time_zone", zone)}
      />
      <Checkbox
        label={t("isDefault")}
        checked={value.is_default}
        onChange={(event) => set("is_default", event.target.checked)}
      />
      <Week hours={shownWeek} onChange={setWeek} />
      <Holidays days={shownFree} onChange={setFree} />
    </EditDialog>
  );
}

/** "09:00:00" as an input of type time has it. */
const toHours = ({ weekday, opens, closes }: Row<"calendar_hours">): Hours => ({
  weekday,
  opens: opens.slice(0, 5),
  closes: closes.slice(0, 5),
});

const sameHours = (one: Hours, other: Hours) =>
  one.weekday === other.weekday && one.opens === other.opens && one.closes === other.closes;
