import { DurationField } from "../duration_field";
import type { Target } from "./page";
import styles from "./targets.module.css";
import { useSlaWords } from "./words";

const PRIORITIES = ["urgent", "high", "normal", "low"] as const;
export const METRICS = ["first_response", "next_response", "resolution"] as const;
export type Promised = Pick<Target, "priority" | (typeof METRICS)[number]>;

/** What is promised, by priority and what is waited for. */
export function Targets({
  kept,
  written,
  onChange,
}: {
  kept: Target[];
  /** Of priorities that were changed. */
  written: Promised[] | null;
  onChange: (written: Promised[]) => void;
}) {
  const t = useSlaWords();
  const rowOf = (priority: Promised["priority"]): Promised =>
    [...(written ?? []), ...kept].find((row) => row.priority === priority) ?? {
      priority,
      first_response: null,
      next_response: null,
      resolution: null,
    };
  return (
    <fieldset className={styles.field}>
      <legend className={styles.legend}>{t("targets")}</legend>
      <p className={styles.hint}>{t("targetsHint")}</p>
      {PRIORITIES.map((priority) => {
        const { first_response, next_response, resolution } = rowOf(priority);
        const row: Promised = { priority, first_response, next_response, resolution };
        const others = (written ?? []).filter((each) => each.priority !== priority);
        return (
          <div key={priority} className={styles.row}>
            <span className={styles.priority}>{t(priority)}</span>
            {METRICS.map((metric) => (
              <DurationField
                key={metric}
                label={t(metric)}
                none={t("none")}
                usual="hour"
                value={row[metric]}
                onChange={(next) => onChange([...others, { ...row, [metric]: next }])}
              />
            ))}
          </div>
        );
      })}
    </fieldset>
  );
}
