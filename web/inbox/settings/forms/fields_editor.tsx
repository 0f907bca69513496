import { Button, Checkbox, IconButton, Select, SortableList, TextField } from "@kit/ui";
import { Plus, X } from "lucide-react";
import layout from "../layout.module.css";
import macros from "../macros/macros.module.css";
import records from "../records.module.css";
import { useRows } from "../rows";
import { TagsField } from "../tags_field";
import { type Asked, askedOf, type FormField, type FormFieldType, freshField, TYPES } from "./form_fields";
import { useFormWords } from "./words";

export function FieldsEditor({ asked, onChange }: { asked: Asked[]; onChange: (asked: Asked[]) => void }) {
  const t = useFormWords();
  const put = (id: number, field: FormField) =>
    onChange(asked.map((each) => (each.id === id ? { id, field } : each)));
  return (
    <fieldset className={layout.fields}>
      <legend className={layout.legend}>{t("fields")}</legend>
      <SortableList
        className={macros.steps}
        items={asked}
        keyOf={(each) => each.id}
        nameOf={({ field }) => field.label || field.key}
        onOrder={onChange}
      >
        {({ id, field }, index) => (
          <div className={macros.step}>
            <div className={layout.inline}>
              <div className={layout.grow}>
                <TextField
                  label={t("label")}
                  required
                  maxLength={200}
                  value={field.label}
                  onChange={(event) => put(id, { ...field, label: event.target.value })}
                />
              </div>
              <IconButton
                label={t("removeField", { place: index + 1 })}
                onClick={() => onChange(asked.filter((each) => each.id !== id))}
              >
                <X />
              </IconButton>
            </div>
            <Question field={field} onChange={(next) => put(id, next)} />
          </div>
        )}
      </SortableList>
      <div>
        <Button
          small
          onClick={() => onChange([...asked, askedOf(freshField(asked.map(({ field }) => field)))])}
        >
          <Plus aria-hidden className={records.plus} />
          {t("addField")}
        </Button>
      </div>
    </fieldset>
  );
}

function Question({ field, onChange }: { field: FormField; onChange: (field: FormField) => void }) {
  const t = useFormWords();
  const { data: custom } = useRows("custom_fields", ["position", "label"]);
  const mayFill = (custom ?? []).filter(
    (each) =>
      each.target === "contact" && each.type === field.type && !each.is_sensitive && !each.archived_at,
  );
  const isText = field.type === "text";
  return (
    <>
      <div className={layout.columns}>
        <Select
          label={t("type")}
          value={field.type}
          onChange={(event) => {
            const { maps_to: _, ...rest } = field;
            onChange({ ...rest, type: event.target.value as FormFieldType });
          }}
        >
          {TYPES.map((type) => (
            <option key={type} value={type}>
              {t(type)}
            </option>
          ))}
        </Select>
        <TextField
          label={t("key")}
          required
          pattern="[a-z][a-z0-9_]{0,39}"
          value={field.key}
          onChange={(event) => onChange({ ...field, key: event.target.value })}
        />
        <Select
          label={t("maps")}
          value={field.maps_to ?? ""}
          onChange={(event) => onChange({ ...field, maps_to: event.target.value })}
        >
          <option value="">{t("mapsNothing")}</option>
          {isText && <option value="contact.name">{t("mapsName")}</option>}
          {isText && <option value="ticket.subject">{t("mapsSubject")}</option>}
          {mayFill.map((each) => (
            <option key={each.id} value={`contact.fields.${each.key}`}>
              {t("mapsField", { label: each.label })}
            </option>
          ))}
        </Select>
      </div>
      {field.type.endsWith("select") && (
        <TagsField
          label={t("options")}
          value={field.options ?? []}
          onChange={(options) => onChange({ ...field, options })}
        />
      )}
      <TextField
        label={t("help")}
        maxLength={1000}
        value={field.help ?? ""}
        onChange={(event) => onChange({ ...field, help: event.target.value })}
      />
      <Checkbox
        label={t("required")}
        checked={field.required ?? false}
        onChange={(event) => onChange({ ...field, required: event.target.checked })}
      />
    </>
  );
}
