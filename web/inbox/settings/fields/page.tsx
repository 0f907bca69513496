import type { Row } from "@kit/api/client";
import { Badge } from "@kit/ui";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { FieldEditor, TARGETS, TYPES } from "./field_editor";
import { useFieldWords } from "./words";

export type CustomField = Row<"custom_fields">;

export function Page() {
  const t = useFieldWords();
  const ts = useSettingsWords();
  const fields = useRows("custom_fields", ["target", "position", "label"]);
  const table = useTable("custom_fields");
  const last = Math.max(0, ...(fields.data ?? []).map((field) => field.position));
  const word = <T extends string>(known: readonly T[], name: string) => known.find((each) => each === name);
  return (
    <RecordsPage<CustomField>
      title={ts("fields")}
      intro={t("intro")}
      query={fields}
      keyOf={(field) => field.id}
      nameOf={(field) => field.label}
      about={(field) => {
        const [target, type] = [word(TARGETS, field.target), word(TYPES, field.type)];
        return [target && t(target), type && t(type), field.key].filter(Boolean).join(" · ");
      }}
      aside={(field) => (
        <>
          {field.is_sensitive && <Badge tone="warning">{t("isSensitive")}</Badge>}
          {field.archived_at && <Badge>{t("archived")}</Badge>}
        </>
      )}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(field, close) => <FieldEditor field={field} position={last + 1} onClose={close} />}
      onOrder={(next) => table.order(next)}
      more={[
        {
          label: t("archive"),
          shownFor: (field) => !field.archived_at,
          run: (field) => void table.change({ id: field.id }, { archived_at: new Date().toISOString() }),
        },
        {
          label: t("restore"),
          shownFor: (field) => field.archived_at !== null,
          run: (field) => void table.change({ id: field.id }, { archived_at: null }),
        },
      ]}
    />
  );
}
