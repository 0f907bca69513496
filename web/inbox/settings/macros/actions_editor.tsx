import { Button, IconButton, Select, SortableList, TextArea } from "@kit/ui";
import { Plus, X } from "lucide-react";
import { useFields } from "../../conditions/fields";
import { DurationField } from "../duration_field";
import layout from "../layout.module.css";
import records from "../records.module.css";
import { TagsField } from "../tags_field";
import {
  type Action,
  freshAction,
  KINDS,
  type Kind,
  SETTABLE,
  type Settable,
  type Step,
  stepOf,
} from "./actions";
import styles from "./macros.module.css";
import { useMacroWords } from "./words";

const MOST = 20;

/** Steps in their order: dragged, or moved with the arrow keys. */
export function ActionsEditor({
  steps,
  wrong,
  onChange,
}: {
  steps: Step[];
  /** The place of the one that the database refuses, from 1. */
  wrong: number;
  onChange: (steps: Step[]) => void;
}) {
  const t = useMacroWords();
  const put = (id: number, action: Action) =>
    onChange(steps.map((step) => (step.id === id ? { id, action } : step)));
  return (
    <fieldset className={layout.fields}>
      <legend className={layout.legend}>{t("actions")}</legend>
      <SortableList
        className={styles.steps}
        items={steps}
        keyOf={(step) => step.id}
        nameOf={(step) => t(step.action.do)}
        onOrder={onChange}
      >
        {({ id, action }, index) => (
          <div className={styles.step} data-wrong={wrong === index + 1 || undefined}>
            <div className={styles.head}>
              <Select
                label={t("kind", { place: index + 1 })}
                hideLabel
                value={action.do}
                onChange={(event) => put(id, freshAction(event.target.value as Kind))}
              >
                {KINDS.map((kind) => (
                  <option key={kind} value={kind}>
                    {t(kind)}
                  </option>
                ))}
              </Select>
              <IconButton
                label={t("removeAction", { place: index + 1 })}
                onClick={() => onChange(steps.filter((step) => step.id !== id))}
              >
                <X />
              </IconButton>
            </div>
            <ActionFields action={action} onChange={(next) => put(id, next)} />
          </div>
        )}
      </SortableList>
      {steps.length < MOST && (
        <div>
          <Button small onClick={() => onChange([...steps, stepOf(freshAction("set"))])}>
            <Plus aria-hidden className={records.plus} />
            {t("addAction")}
          </Button>
        </div>
      )}
    </fieldset>
  );
}

function ActionFields({ action, onChange }: { action: Action; onChange: (action: Action) => void }) {
  const t = useMacroWords();
  const fields = useFields();
  switch (action.do) {
    case "reply":
    case "note":
      return (
        <TextArea
          label={t("body")}
          required
          value={action.body}
          onChange={(event) => onChange({ ...action, body: event.target.value })}
        />
      );
    case "set": {
      const mayBeNothing = action.field !== "status" && action.field !== "priority";
      return (
        <div className={layout.columns}>
          <Select
            label={t("field")}
            value={action.field}
            onChange={(event) => {
              const field = event.target.value as Settable;
              onChange({ do: "set", field, value: fields.by(field).choices[0]?.value ?? null });
            }}
          >
            {SETTABLE.map((field) => (
              <option key={field} value={field}>
                {t(field)}
              </option>
            ))}
          </Select>
          <Select
            label={t("value")}
            value={action.value ?? ""}
            onChange={(event) => onChange({ ...action, value: event.target.value || null })}
          >
            {mayBeNothing && <option value="">{t("nobody")}</option>}
            {fields.by(action.field).choices.map((choice) => (
              <option key={choice.value} value={choice.value}>
                {choice.label}
              </option>
            ))}
          </Select>
        </div>
      );
    }
    case "add_tags":
    case "remove_tags":
      return (
        <TagsField label={t("tags")} value={action.tags} onChange={(tags) => onChange({ ...action, tags })} />
      );
    case "snooze":
      return (
        <DurationField
          label={t("for")}
          value={action.for}
          onChange={(next) => onChange({ ...action, for: next ?? "1 day" })}
        />
      );
    default:
      return null;
  }
}
