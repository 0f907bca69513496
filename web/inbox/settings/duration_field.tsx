import { defineWords, useWords } from "@kit/i18n";
import { Field } from "@kit/ui";
import { useId } from "react";
import styles from "./duration_field.module.css";
import { readDuration, SPANS, type Span, writeDuration } from "./durations";

const words = defineWords({
  en: { unit: "Unit", minute: "minutes", hour: "hours", day: "days" },
  ar: { unit: "الوحدة", minute: "دقائق", hour: "ساعات", day: "أيام" },
});

/** How long: a number and a unit. Empty is null, and `none` says what that means. */
export function DurationField({
  label,
  hint,
  error,
  hideLabel,
  none = "",
  usual = "day",
  value,
  onChange,
}: {
  label: string;
  hint?: string;
  error?: string | undefined;
  hideLabel?: boolean;
  none?: string;
  /** The unit that it begins with. */
  usual?: Span;
  value: string | null;
  onChange: (value: string | null) => void;
}) {
  const t = useWords(words);
  const unitId = useId();
  const read = value === null ? null : readDuration(value);
  return (
    <Field label={label} hint={hint} error={error} {...(hideLabel ? { hideLabel } : {})}>
      {(given) => (
        <div className={styles.pair}>
          <input
            {...given}
            type="number"
            min={0}
            placeholder={none}
            value={read?.count ?? ""}
            onChange={(event) =>
              onChange(
                event.target.value === ""
                  ? null
                  : writeDuration({ count: event.target.valueAsNumber, unit: read?.unit ?? usual }),
              )
            }
          />
          <select
            id={unitId}
            className={given.className}
            aria-label={t("unit")}
            value={read?.unit ?? usual}
            disabled={read === null}
            onChange={(event) =>
              onChange(writeDuration({ count: read?.count ?? 1, unit: event.target.value as Span }))
            }
          >
            {SPANS.map((span) => (
              <option key={span} value={span}>
                {t(span)}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}
