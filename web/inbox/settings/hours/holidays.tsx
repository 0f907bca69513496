import { Button, IconButton, TextField } from "@kit/ui";
import { Plus, X } from "lucide-react";
import layout from "../layout.module.css";
import type { Holiday } from "./calendar_editor";
import styles from "./hours.module.css";
import { useHourWords } from "./words";

export function Holidays({ days, onChange }: { days: Holiday[]; onChange: (days: Holiday[]) => void }) {
  const t = useHourWords();
  const put = (at: number, next: Partial<Holiday>) =>
    onChange(days.map((each, index) => (index === at ? { ...each, ...next } : each)));
  return (
    <fieldset className={layout.fields}>
      <legend className={layout.legend}>{t("holidays")}</legend>
      {days.map((each, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its place; its day is being written
        <div key={index} className={styles.holiday}>
          <TextField
            label={t("day")}
            hideLabel
            type="date"
            required
            value={each.day}
            onChange={(event) => put(index, { day: event.target.value })}
          />
          <TextField
            label={t("holiday")}
            hideLabel
            placeholder={t("holiday")}
            maxLength={100}
            value={each.name}
            onChange={(event) => put(index, { name: event.target.value })}
          />
          <IconButton
            small
            label={t("removeHoliday", { day: each.name || each.day })}
            onClick={() => onChange(days.filter((_, at) => at !== index))}
          >
            <X />
          </IconButton>
        </div>
      ))}
      <div>
        <Button small onClick={() => onChange([...days, { day: "", name: "" }])}>
          <Plus aria-hidden className={styles.plus} />
          {t("addHoliday")}
        </Button>
      </div>
    </fieldset>
  );
}
