import { useLanguage } from "@kit/i18n";
import { Button, IconButton, TextField } from "@kit/ui";
import { Plus, X } from "lucide-react";
import layout from "../layout.module.css";
import styles from "./hours.module.css";
import { useHourWords } from "./words";

export type Hours = { weekday: number; opens: string; closes: string };
const DAYS = [1, 2, 3, 4, 5, 6, 7];
/** What a new calendar begins with. */
export const OFFICE: Hours[] = DAYS.slice(0, 5).map((weekday) => ({
  weekday,
  opens: "09:00",
  closes: "17:00",
}));
/** A Monday: the days after it have the names of the week's. */
const MONDAY = Date.UTC(2024, 0, 1);

/** Seven days, each with any number of stretches that the desk is open. */
export function Week({ hours, onChange }: { hours: Hours[]; onChange: (hours: Hours[]) => void }) {
  const t = useHourWords();
  const { language } = useLanguage();
  const nameOf = (weekday: number) =>
    new Intl.DateTimeFormat(language, { weekday: "long", timeZone: "UTC" }).format(
      MONDAY + (weekday - 1) * 86_400_000,
    );
  const put = (old: Hours, next: Hours | null) =>
    onChange(hours.flatMap((each) => (each === old ? (next ?? []) : each)));
  return (
    <fieldset className={layout.fields}>
      <legend className={layout.legend}>{t("week")}</legend>
      {DAYS.map((weekday) => {
        const day = nameOf(weekday);
        const open = hours.filter((each) => each.weekday === weekday);
        return (
          <div key={weekday} className={styles.day}>
            <span className={styles.name}>{day}</span>
            <div className={styles.stretches}>
              {open.length === 0 && <span className={layout.muted}>{t("closed")}</span>}
              {open.map((each, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a stretch is known by its place in the day
                <div key={index} className={styles.stretch}>
                  <TextField
                    label={t("opens", { day })}
                    hideLabel
                    type="time"
                    required
                    value={each.opens}
                    onChange={(event) => put(each, { ...each, opens: event.target.value })}
                  />
                  <span>{t("to")}</span>
                  <TextField
                    label={t("closes", { day })}
                    hideLabel
                    type="time"
                    required
                    value={each.closes}
                    onChange={(event) => put(each, { ...each, closes: event.target.value })}
                  />
                  <IconButton small label={t("removeHours", { day })} onClick={() => put(each, null)}>
                    <X />
                  </IconButton>
                </div>
              ))}
            </div>
            <Button
              small
              look="quiet"
              aria-label={t("addHours", { day })}
              onClick={() => onChange([...hours, { weekday, ...nextStretch(open) }])}
            >
              <Plus aria-hidden className={styles.plus} />
            </Button>
          </div>
        );
      })}
    </fieldset>
  );
}

const nextStretch = (open: Hours[]) =>
  open.length === 0 ? { opens: "09:00", closes: "17:00" } : { opens: "18:00", closes: "20:00" };
