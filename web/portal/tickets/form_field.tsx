/** One question of a form, by the type that it has. */
import { Checkbox, Field, Select } from "@kit/ui";
import styles from "./form.module.css";
import { useTicketWords } from "./words";

export type Question = {
  key: string;
  label: string;
  type: "text" | "number" | "boolean" | "date" | "select" | "multiselect" | "url" | "email" | "phone";
  required?: boolean;
  options?: string[];
  help?: string;
};
export type Answer = string | number | boolean | string[] | null;

const INPUTS = {
  text: "text",
  number: "number",
  date: "date",
  url: "url",
  email: "email",
  phone: "tel",
} as const;
/** Names of problems that are names of other words too. */
const TOLD = { number: "numberWrong", email: "emailWrong" } as const;

type Props = {
  question: Question;
  answer: Answer | undefined;
  problem: string | undefined;
  onAnswer: (answer: Answer) => void;
};

export function FormField({ question, answer, problem, onAnswer }: Props) {
  const t = useTicketWords();
  const { label, type, required = false, options = [], help } = question;
  const error = problem && t(problem in TOLD ? TOLD[problem as keyof typeof TOLD] : (problem as "required"));
  const shared = { label, hint: help, error: error || undefined };
  if (type === "boolean")
    return (
      <Checkbox
        label={label}
        hint={error || help}
        aria-invalid={error ? true : undefined}
        checked={answer === true}
        onChange={(event) => onAnswer(event.target.checked)}
      />
    );
  if (type === "select")
    return (
      <Select
        {...shared}
        aria-required={required}
        value={String(answer ?? "")}
        onChange={(event) => onAnswer(event.target.value || null)}
      >
        <option value="">{t("choose")}</option>
        {options.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </Select>
    );
  if (type === "multiselect") {
    const chosen = Array.isArray(answer) ? answer : [];
    return (
      <fieldset className={styles.several}>
        <legend>{label}</legend>
        {help && <p className={styles.muted}>{help}</p>}
        {options.map((each) => (
          <Checkbox
            key={each}
            label={each}
            checked={chosen.includes(each)}
            onChange={(event) =>
              onAnswer(event.target.checked ? [...chosen, each] : chosen.filter((other) => other !== each))
            }
          />
        ))}
        {error && (
          <p role="alert" className={styles.problem}>
            {error}
          </p>
        )}
      </fieldset>
    );
  }
  return (
    <Field {...shared}>
      {(given) => (
        <input
          {...given}
          type={INPUTS[type]}
          step={type === "number" ? "any" : undefined}
          aria-required={required}
          dir="auto"
          value={String(answer ?? "")}
          onChange={({ target }) => onAnswer(written(type, target))}
        />
      )}
    </Field>
  );
}

const written = (type: Question["type"], { value, valueAsNumber }: HTMLInputElement): Answer =>
  value === "" ? null : type === "number" && !Number.isNaN(valueAsNumber) ? valueAsNumber : value;
