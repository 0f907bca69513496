import { Checkbox, Select, TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import layout from "../layout.module.css";
import { useRowForm } from "../row_form";
import { TagsField } from "../tags_field";
import type { CustomField } from "./page";
import { useFieldWords } from "./words";

export const TARGETS = ["contact", "company", "ticket"] as const;
export const TYPES = [
  "text",
  "number",
  "boolean",
  "date",
  "datetime",
  "select",
  "multiselect",
  "url",
  "email",
  "phone",
] as const;

/** A key that says the same as a label: "Order number" is order_number. */
const keyOf = (label: string) =>
  label
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
    .slice(0, 40);

export function FieldEditor({
  field,
  position,
  onClose,
}: {
  field: CustomField | null;
  position: number;
  onClose: () => void;
}) {
  const t = useFieldWords();
  const { value, set, isDirty, saving } = useRowForm({
    table: "custom_fields",
    row: field,
    fresh: {
      label: "",
      target: "contact",
      key: "",
      type: "text",
      options: [],
      is_required: false,
      is_sensitive: false,
      position,
    },
    onSaved: onClose,
  });
  const hasOptions = value.type === "select" || value.type === "multiselect";
  const mayBeSensitive = value.target === "contact" && value.type === "text";
  const name = (label: string) => {
    // The key follows the label until somebody writes one.
    if (!field && value.key === keyOf(value.label)) set("key", keyOf(label));
    set("label", label);
  };
  return (
    <EditDialog title={field ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
      <TextField
        label={t("label")}
        required
        maxLength={100}
        value={value.label}
        error={saving.at("label")}
        onChange={(event) => name(event.target.value)}
      />
      <TextField
        label={t("key")}
        hint={t("keyHint")}
        required
        readOnly={field !== null}
        value={value.key}
        error={saving.at("key")}
        onChange={(event) => set("key", event.target.value)}
      />
      <div className={layout.columns}>
        <Select
          label={t("target")}
          disabled={field !== null}
          value={value.target}
          onChange={(event) => {
            set("target", event.target.value);
            if (event.target.value !== "contact") set("is_sensitive", false);
          }}
        >
          {TARGETS.map((target) => (
            <option key={target} value={target}>
              {t(target)}
            </option>
          ))}
        </Select>
        <Select
          label={t("type")}
          value={value.type}
          error={saving.at("type")}
          onChange={(event) => {
            set("type", event.target.value);
            if (!event.target.value.endsWith("select")) set("options", []);
            if (event.target.value !== "text" && !field) set("is_sensitive", false);
          }}
        >
          {TYPES.map((type) => (
            <option key={type} value={type}>
              {t(type)}
            </option>
          ))}
        </Select>
      </div>
      {hasOptions && (
        <TagsField
          label={t("options")}
          hint={t("optionsHint")}
          value={value.options}
          error={saving.at("options")}
          onChange={(options) => set("options", options)}
        />
      )}
      <Checkbox
        label={t("required")}
        checked={value.is_required}
        onChange={(event) => set("is_required", event.target.checked)}
      />
      {mayBeSensitive && (
        <Checkbox
          label={t("sensitive")}
          hint={t("sensitiveHint")}
          disabled={field !== null}
          checked={value.is_sensitive}
          onChange={(event) => set("is_sensitive", event.target.checked)}
        />
      )}
    </EditDialog>
  );
}
