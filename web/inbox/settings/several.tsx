/** Several of few: what is chosen, as boxes to tick. */
import { Checkbox } from "@kit/ui";
import styles from "./several.module.css";

export function SeveralField({
  label,
  hint,
  choices,
  chosen,
  onChange,
}: {
  label: string;
  hint?: string;
  choices: { value: string; label: string }[];
  chosen: readonly string[];
  onChange: (values: string[]) => void;
}) {
  return (
    <fieldset className={styles.field}>
      <legend className={styles.legend}>{label}</legend>
      {hint && <p className={styles.hint}>{hint}</p>}
      <div className={styles.choices}>
        {choices.map((choice) => (
          <Checkbox
            key={choice.value}
            label={choice.label}
            checked={chosen.includes(choice.value)}
            onChange={(event) =>
              onChange(
                event.target.checked
                  ? [...chosen, choice.value]
                  : chosen.filter((each) => each !== choice.value),
              )
            }
          />
        ))}
      </div>
    </fieldset>
  );
}
