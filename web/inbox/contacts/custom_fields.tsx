/** Values of an organization's own fields, changed where they stand. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { SensitiveField } from "./sensitive_field";
import { useContactWords } from "./words";

type Target = "contact" | "company" | "ticket";
export type Definition = Pick<
  Row<"custom_fields">,
  "id" | "key" | "label" | "type" | "options" | "is_sensitive"
>;
type Value = string | number | boolean | string[] | null;

export function useFields(target: Target) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["fields", organization_id, target],
    staleTime: 300_000,
    queryFn: (): Promise<Definition[]> =>
      ok(
        client
          .from("custom_fields")
          .select("id, key, label, type, options, is_sensitive")
          .eq("organization_id", organization_id)
          .eq("target", target)
          .is("archived_at", null)
          .order("position")
          .order("label"),
      ),
  });
}

type Props = { target: Target; id: string; values: Record<string, unknown> };

export function CustomFields({ target, id, values }: Props) {
  const { atLeast } = useOrganization();
  const fields = useFields(target).data ?? [];
  const readOnly = !atLeast("agent");
  return (
    <dl className={styles.facts}>
      {fields.map((field) =>
        field.is_sensitive ? (
          <SensitiveField key={field.id} contactId={id} field={field} />
        ) : (
          <FieldRow
            key={`${id} ${field.id}`}
            {...{ target, id, field, readOnly }}
            value={(values[field.key] ?? null) as Value}
          />
        ),
      )}
    </dl>
  );
}

function FieldRow({
  target,
  id,
  field,
  value,
  readOnly,
}: {
  target: Target;
  id: string;
  field: Definition;
  value: Value;
  readOnly: boolean;
}) {
  const client = useClient();
  const queries = useQueryClient();
  const control = useId();
  // What is typed stays until the desk has taken it, also where it is refused.
  const [draft, setDraft] = useState<Value>();
  const [problem, setProblem] = useState("");
  const shown = draft === undefined ? value : draft;
  const save = async (next: Value) => {
    if (JSON.stringify(next) === JSON.stringify(value)) {
      setDraft(undefined);
      setProblem("");
      return;
    }
    setDraft(next);
    try {
      await ok(client.rpc("set_fields", { target, id, fields: { [field.key]: next } }));
      setProblem("");
      await queries.invalidateQueries({ queryKey: [target, id, "row"] });
      setDraft(undefined);
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <>
      <dt>
        <label htmlFor={control}>{field.label}</label>
      </dt>
      <dd>
        <Control
          id={control}
          field={field}
          value={shown}
          disabled={readOnly}
          problem={problem ? `${control}-problem` : undefined}
          onDraft={setDraft}
          onSave={(next) => void save(next)}
        />
      </dd>
      {problem && (
        <dd id={`${control}-problem`} role="alert" className={styles.error}>
          {problem}
        </dd>
      )}
    </>
  );
}

type ControlProps = {
  id: string;
  field: Definition;
  value: Value;
  disabled: boolean;
  problem: string | undefined;
  onDraft: (value: Value) => void;
  onSave: (value: Value) => void;
};

const INPUTS: Record<string, string> = {
  number: "number",
  date: "date",
  datetime: "datetime-local",
  url: "url",
  email: "email",
  phone: "tel",
};

function Control({ id, field, value, disabled, problem, onDraft, onSave }: ControlProps) {
  const t = useContactWords();
  const shared = {
    id,
    disabled,
    className: styles.plain,
    "aria-invalid": problem ? true : undefined,
    "aria-describedby": problem,
  } as const;
  if (field.type === "boolean")
    return (
      <input
        {...shared}
        type="checkbox"
        checked={value === true}
        onChange={({ target }) => onSave(target.checked)}
      />
    );
  if (field.type === "select")
    return (
      <select {...shared} value={String(value ?? "")} onChange={({ target }) => onSave(target.value || null)}>
        <option value="">—</option>
        {field.options.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    );
  if (field.type === "multiselect") {
    const chosen = Array.isArray(value) ? value : [];
    return (
      <fieldset aria-label={field.label} disabled={disabled} className={styles.list}>
        {field.options.map((each, at) => (
          <label key={each} className={styles.row}>
            <input
              id={at === 0 ? id : undefined}
              type="checkbox"
              checked={chosen.includes(each)}
              onChange={({ target }) =>
                onSave(field.options.filter((one) => (one === each ? target.checked : chosen.includes(one))))
              }
            />
            <span>{each}</span>
          </label>
        ))}
      </fieldset>
    );
  }
  const read = (text: string): Value => {
    const trimmed = text.trim();
    if (!trimmed) return null;
    if (field.type === "number") return Number(trimmed);
    if (field.type === "datetime") return new Date(trimmed).toISOString();
    return trimmed;
  };
  return (
    <input
      {...shared}
      type={INPUTS[field.type] ?? "text"}
      step={field.type === "number" ? "any" : undefined}
      placeholder={t("empty")}
      value={field.type === "datetime" ? local(value) : String(value ?? "")}
      onChange={({ target }) => onDraft(target.value)}
      onBlur={({ target }) => onSave(read(target.value))}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
      }}
    />
  );
}

/** As an input has it: where the reader is, without seconds. What is being typed stays as it is. */
function local(value: Value): string {
  if (typeof value !== "string") return "";
  if (!/(Z|[+-]\d\d:?\d\d)$/.test(value)) return value;
  const at = new Date(value);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
