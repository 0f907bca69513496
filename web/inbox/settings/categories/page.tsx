import type { Row } from "@kit/api/client";
import { Badge, Checkbox, Select, TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { useCategoryWords } from "./words";

type Category = Row<"ticket_categories">;

export function Page() {
  const t = useCategoryWords();
  const ts = useSettingsWords();
  const categories = useRows("ticket_categories", ["name"]);
  const { data: skills } = useRows("skills", ["name"]);
  const table = useTable("ticket_categories");
  return (
    <RecordsPage<Category>
      title={ts("categories")}
      intro={t("intro")}
      query={categories}
      keyOf={(category) => category.id}
      nameOf={(category) => category.name}
      about={(category) =>
        [category.key, skills?.find((skill) => skill.id === category.skill_id)?.name]
          .filter(Boolean)
          .join(" · ")
      }
      aside={(category) => category.sensitive && <Badge tone="warning">{t("sensitiveBadge")}</Badge>}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(category, close) => <CategoryEditor category={category} onClose={close} />}
      remove={(category) => table.remove({ id: category.id })}
      removeText={t("removeText")}
    />
  );
}

function CategoryEditor({ category, onClose }: { category: Category | null; onClose: () => void }) {
  const t = useCategoryWords();
  const ts = useSettingsWords();
  const { data: skills } = useRows("skills", ["name"]);
  const { value, set, isDirty, saving } = useRowForm({
    table: "ticket_categories",
    row: category,
    fresh: { key: "", name: "", skill_id: null, sensitive: false },
    onSaved: onClose,
  });
  return (
    <EditDialog title={category ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
      <TextField
        label={ts("name")}
        required
        maxLength={120}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <TextField
        label={t("key")}
        hint={t("keyHint")}
        required
        readOnly={category !== null}
        value={value.key}
        error={saving.at("key")}
        onChange={(event) => set("key", event.target.value)}
      />
      <Select
        label={t("skill")}
        value={value.skill_id ?? ""}
        onChange={(event) => set("skill_id", event.target.value || null)}
      >
        <option value="">{t("anybody")}</option>
        {skills?.map((skill) => (
          <option key={skill.id} value={skill.id}>
            {skill.name}
          </option>
        ))}
      </Select>
      <Checkbox
        label={t("sensitive")}
        checked={value.sensitive}
        onChange={(event) => set("sensitive", event.target.checked)}
      />
    </EditDialog>
  );
}
