import { Select, TextField } from "@kit/ui";
import { Link } from "react-router";
import { useOrganization } from "../shell/organization";
import styles from "./article_list.module.css";
import { type Filters, LANGUAGES, NO_CATEGORY, STATUSES, useCategories } from "./articles";
import { useLanguageNames } from "./languages";
import { useKnowledgeWords } from "./words";

export function ListFilters({
  filters,
  onChange,
}: {
  filters: Filters;
  onChange: (filters: Filters) => void;
}) {
  const t = useKnowledgeWords();
  const { slug, atLeast } = useOrganization();
  const nameOf = useLanguageNames();
  const { data: categories } = useCategories();
  const set = (name: keyof Filters) => (event: { target: { value: string } }) =>
    onChange({ ...filters, [name]: event.target.value });
  return (
    <search className={styles.filters}>
      <div className={styles.find} data-find-article>
        <TextField
          label={t("find")}
          hideLabel
          type="search"
          placeholder={t("find")}
          value={filters.words}
          onChange={set("words")}
        />
      </div>
      <Select label={t("status")} hideLabel value={filters.status} onChange={set("status")}>
        <option value="">{t("anyStatus")}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {t(status)}
          </option>
        ))}
      </Select>
      <Select label={t("language")} hideLabel value={filters.language} onChange={set("language")}>
        <option value="">{t("anyLanguage")}</option>
        {LANGUAGES.map((code) => (
          <option key={code} value={code}>
            {nameOf(code)}
          </option>
        ))}
      </Select>
      <div className={styles.find}>
        <Select label={t("category")} hideLabel value={filters.category} onChange={set("category")}>
          <option value="">{t("anyCategory")}</option>
          <option value={NO_CATEGORY}>{t("noCategory")}</option>
          {categories?.map((category) => (
            <option key={category.id} value={category.id}>
              {category.name}
            </option>
          ))}
        </Select>
        {atLeast("manager") && (
          <Link className={styles.manage} to={`/${slug}/settings/article-categories`}>
            {t("manageCategories")}
          </Link>
        )}
      </div>
    </search>
  );
}
