import type { Row } from "@kit/api/client";
import { Badge } from "@kit/ui";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { FormEditor } from "./form_editor";
import type { FormField } from "./form_fields";
import { useFormWords } from "./words";

export type Template = Row<"action_templates">;

export function Page() {
  const t = useFormWords();
  const ts = useSettingsWords();
  const templates = useRows("action_templates", ["name"]);
  const table = useTable("action_templates");
  return (
    <RecordsPage<Template>
      title={ts("forms")}
      intro={t("intro")}
      query={templates}
      keyOf={(template) => template.id}
      nameOf={(template) => template.name}
      about={(template) => {
        const fields = template.fields as FormField[];
        return [t("count", { count: fields.length }), ...fields.map((field) => field.label)].join(" · ");
      }}
      aside={(template) => template.archived_at && <Badge>{t("archived")}</Badge>}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(template, close) => <FormEditor template={template} onClose={close} />}
      remove={(template) => table.remove({ id: template.id })}
      more={[
        {
          label: t("archive"),
          shownFor: (template) => !template.archived_at,
          run: ({ id }) => void table.change({ id }, { archived_at: new Date().toISOString() }),
        },
        {
          label: t("restore"),
          shownFor: (template) => template.archived_at !== null,
          run: ({ id }) => void table.change({ id }, { archived_at: null }),
        },
      ]}
    />
  );
}
