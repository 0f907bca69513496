/** What a question is compared with: one or several choices, a text, a number, a time. */
import { Select, TextField } from "@kit/ui";
import { X } from "lucide-react";
import { useId } from "react";
import type { Question } from "./conditions";
import styles from "./editor.module.css";
import type { Choice, Field } from "./fields";
import { type Instant, readInstant, UNITS, type Unit, writeInstant } from "./instants";
import { useConditionWords } from "./words";

type Value = NonNullable<Question["value"]>;

export function ValueEditor({
  question: { op, value },
  field,
  onChange,
}: {
  question: Question;
  field: Field;
  onChange: (value: Value) => void;
}) {
  const t = useConditionWords();
  const list = useId();
  if (op === "is_set" || op === "is_not_set") return <span className={styles.nothing} />;
  if (typeof value === "boolean")
    return (
      <Select
        label={t("value")}
        hideLabel
        value={String(value)}
        onChange={(event) => onChange(event.target.value === "true")}
      >
        <option value="true">{t("yes")}</option>
        <option value="false">{t("no")}</option>
      </Select>
    );
  if (typeof value === "number")
    return (
      <TextField
        label={t("value")}
        hideLabel
        type="number"
        value={value}
        onChange={(event) => onChange(event.target.valueAsNumber || 0)}
      />
    );
  if (field.kind === "instant")
    return <InstantEditor value={String(value ?? "")} onChange={(next) => onChange(next)} />;
  if (Array.isArray(value))
    return field.choices.length > 0 ? (
      <Several chosen={value} choices={field.choices} onChange={onChange} />
    ) : (
      <TextField
        label={t("value")}
        hideLabel
        placeholder={t("severalHint")}
        defaultValue={value.join(", ")}
        onChange={(event) => onChange(event.target.value.split(",").flatMap((each) => each.trim() || []))}
      />
    );
  const text = value ?? "";
  if (field.kind === "choice")
    return (
      <Select label={t("value")} hideLabel value={text} onChange={(event) => onChange(event.target.value)}>
        <option value="">{t("choose")}</option>
        {text && !field.choices.some((choice) => choice.value === text) && (
          <option value={text}>{t("gone")}</option>
        )}
        {field.choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </Select>
    );
  return (
    <>
      <TextField
        label={t("value")}
        hideLabel
        value={text}
        list={field.choices.length > 0 ? list : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {field.choices.length > 0 && (
        <datalist id={list}>
          {field.choices.map((choice) => (
            <option key={choice.value} value={choice.value} />
          ))}
        </datalist>
      )}
    </>
  );
}

function Several({
  chosen,
  choices,
  onChange,
}: {
  chosen: string[];
  choices: Choice[];
  onChange: (values: string[]) => void;
}) {
  const t = useConditionWords();
  const nameOf = (value: string) => choices.find((choice) => choice.value === value)?.label ?? t("gone");
  return (
    <div className={styles.several}>
      {chosen.map((value) => (
        <button
          key={value}
          type="button"
          className={styles.chip}
          aria-label={t("removeValue", { value: nameOf(value) })}
          onClick={() => onChange(chosen.filter((each) => each !== value))}
        >
          {nameOf(value)}
          <X aria-hidden />
        </button>
      ))}
      <Select
        label={t("value")}
        hideLabel
        value=""
        onChange={(event) => event.target.value && onChange([...chosen, event.target.value])}
      >
        <option value="">{t("addValue")}</option>
        {choices
          .filter((choice) => !chosen.includes(choice.value))
          .map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
      </Select>
    </div>
  );
}

const KINDS = ["ago", "ahead", "today", "now", "at"] as const;

function InstantEditor({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useConditionWords();
  const instant = readInstant(value);
  const write = (next: Instant) => onChange(writeInstant(next));
  const turn = (kind: Instant["kind"]) => {
    if (kind === "now" || kind === "today") write({ kind });
    else if (kind === "at") write({ kind, at: new Date().toISOString() });
    else
      write({
        kind,
        count: "count" in instant ? instant.count : 2,
        unit: "unit" in instant ? instant.unit : "day",
      });
  };
  return (
    <div className={styles.instant}>
      {"count" in instant && (
        <>
          <TextField
            label={t("count")}
            hideLabel
            type="number"
            min={1}
            value={instant.count}
            onChange={(event) => write({ ...instant, count: event.target.valueAsNumber || 1 })}
          />
          <Select
            label={t("unit")}
            hideLabel
            value={instant.unit}
            onChange={(event) => write({ ...instant, unit: event.target.value as Unit })}
          >
            {UNITS.map((unit) => (
              <option key={unit} value={unit}>
                {t(`unit_${unit}`)}
              </option>
            ))}
          </Select>
        </>
      )}
      {instant.kind === "at" && (
        <TextField
          label={t("value")}
          hideLabel
          type="datetime-local"
          value={localOf(instant.at)}
          onChange={(event) =>
            event.target.value && write({ kind: "at", at: new Date(event.target.value).toISOString() })
          }
        />
      )}
      <Select
        label={t("when")}
        hideLabel
        value={instant.kind}
        onChange={(event) => turn(event.target.value as Instant["kind"])}
      >
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {t(kind)}
          </option>
        ))}
      </Select>
    </div>
  );
}

/** As `datetime-local` has it: the reader's own clock, to the minute. */
function localOf(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
