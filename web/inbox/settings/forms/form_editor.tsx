import { TextArea, TextField } from "@kit/ui";
import { useState } from "react";
import { DurationField } from "../duration_field";
import { EditDialog } from "../edit_dialog";
import { useRowForm } from "../row_form";
import { useSettingsWords } from "../words";
import { FieldsEditor } from "./fields_editor";
import { askedOf, type FormField, freshField, tidy } from "./form_fields";
import type { Template } from "./page";
import { useFormWords } from "./words";

export function FormEditor({ template, onClose }: { template: Template | null; onClose: () => void }) {
  const t = useFormWords();
  const ts = useSettingsWords();
  const [asked, setAsked] = useState(() =>
    template ? (template.fields as FormField[]).map(askedOf) : [askedOf(freshField([]))],
  );
  const { value, set, isDirty, saving } = useRowForm({
    table: "action_templates",
    row: template,
    fresh: {
      name: "",
      body: "",
      fields: asked.map(({ field }) => field),
      expires_after: "14 days",
    },
    onSaved: onClose,
  });
  return (
    <EditDialog
      wide
      title={template ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty}
      onClose={onClose}
    >
      <TextField
        label={ts("name")}
        required
        maxLength={100}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <TextArea
        label={t("body")}
        required
        maxLength={20_000}
        value={value.body}
        error={saving.at("body")}
        onChange={(event) => set("body", event.target.value)}
      />
      <FieldsEditor
        asked={asked}
        onChange={(next) => {
          setAsked(next);
          set(
            "fields",
            next.map(({ field }) => tidy(field)),
          );
        }}
      />
      <DurationField
        label={t("expires")}
        value={value.expires_after}
        error={saving.at("expires_after")}
        onChange={(next) => set("expires_after", next ?? "14 days")}
      />
    </EditDialog>
  );
}
