import { Select, TextField } from "@kit/ui";
import type { Draft, Saving } from "../settings/form";
import { type Article, LANGUAGES, useCategories, type Written } from "./articles";
import styles from "./editor.module.css";
import { useLanguageNames } from "./languages";
import { useKnowledgeWords } from "./words";

/** Where an article belongs: its category, language and address. */
export function Place({
  article,
  value,
  set,
  saving,
}: {
  article: Article | null;
  value: Written;
  set: Draft<Written>["set"];
  saving: Saving;
}) {
  const t = useKnowledgeWords();
  const nameOf = useLanguageNames();
  const { data: categories } = useCategories();
  const languages = LANGUAGES.includes(value.language) ? LANGUAGES : [value.language, ...LANGUAGES];
  return (
    <div className={styles.place}>
      <Select
        label={t("category")}
        value={value.category_id ?? ""}
        error={saving.at("category_id")}
        onChange={(event) => set("category_id", event.target.value || null)}
      >
        <option value="">{t("noCategory")}</option>
        {categories?.map((category) => (
          <option key={category.id} value={category.id}>
            {category.name}
          </option>
        ))}
      </Select>
      <Select
        label={t("language")}
        value={value.language}
        error={saving.at("language")}
        onChange={(event) => set("language", event.target.value)}
      >
        {languages.map((code) => (
          <option key={code} value={code}>
            {nameOf(code)}
          </option>
        ))}
      </Select>
      <TextField
        label={t("address")}
        placeholder={article ? undefined : t("addressNew")}
        title={t("addressHint")}
        dir="ltr"
        maxLength={100}
        value={value.slug}
        error={saving.at("slug")}
        onChange={(event) => set("slug", event.target.value.toLowerCase().replace(/[^a-z0-9-]+/g, "-"))}
      />
    </div>
  );
}
