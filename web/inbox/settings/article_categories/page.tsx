import type { Row } from "@kit/api/client";
import { TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { useArticleCategoryWords } from "./words";

type Category = Row<"article_categories">;

export function Page() {
  const t = useArticleCategoryWords();
  const ts = useSettingsWords();
  const categories = useRows("article_categories", ["position", "name"]);
  const table = useTable("article_categories");
  return (
    <RecordsPage<Category>
      title={ts("articleCategories")}
      intro={t("intro")}
      query={categories}
      keyOf={(category) => category.id}
      nameOf={(category) => category.name}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(category, close) => (
        <CategoryEditor category={category} position={categories.data?.length ?? 0} onClose={close} />
      )}
      remove={(category) => table.remove({ id: category.id })}
      removeText={t("removeText")}
      onOrder={(rows) => table.order(rows)}
    />
  );
}

function CategoryEditor({
  category,
  position,
  onClose,
}: {
  category: Category | null;
  position: number;
  onClose: () => void;
}) {
  const t = useArticleCategoryWords();
  const ts = useSettingsWords();
  const { value, set, isDirty, saving } = useRowForm({
    table: "article_categories",
    row: category,
    fresh: { name: "", position },
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
    </EditDialog>
  );
}
