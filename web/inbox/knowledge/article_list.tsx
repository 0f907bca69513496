import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded } from "@kit/ui";
import { Plus, SearchX, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { Link, NavLink } from "react-router";
import { useOrganization } from "../shell/organization";
import styles from "./article_list.module.css";
import { type Filters, type Listed, NO_FILTERS, useArticles, useCategories } from "./articles";
import { ListFilters } from "./list_filters";
import { StatusBadge } from "./status_badge";
import { useKnowledgeWords } from "./words";

export function ArticleList() {
  const t = useKnowledgeWords();
  const { slug, atLeast } = useOrganization();
  const [filters, setFilters] = useState<Filters>(NO_FILTERS);
  const articles = useArticles(filters);
  const isFiltered = Object.values(filters).some(Boolean);
  return (
    <>
      <header className={styles.head}>
        <h1>{t("knowledge")}</h1>
        <NavLink
          className={({ isActive }) => [styles.gaps, isActive && styles.here].filter(Boolean).join(" ")}
          to={`/${slug}/knowledge/gaps`}
        >
          <TriangleAlert aria-hidden />
          {t("gaps")}
        </NavLink>
        {atLeast("agent") && (
          <Link className={styles.add} to={`/${slug}/knowledge/new`}>
            <Plus aria-hidden />
            {t("newArticle")}
          </Link>
        )}
      </header>
      <ListFilters filters={filters} onChange={setFilters} />
      <div className={styles.scroll}>
        <Loaded query={articles} lines={8}>
          {({ pages }) => {
            const rows = pages.flat();
            if (rows.length === 0)
              return isFiltered ? (
                <Empty icon={<SearchX />} title={t("noMatch")}>
                  <Button small onClick={() => setFilters(NO_FILTERS)}>
                    {t("clear")}
                  </Button>
                </Empty>
              ) : (
                <Empty title={t("none")}>{t("noneHint")}</Empty>
              );
            return (
              <>
                <ul>
                  {rows.map((article) => (
                    <Row key={article.id} article={article} />
                  ))}
                </ul>
                {articles.hasNextPage && (
                  <Button
                    small
                    look="quiet"
                    className={styles.more}
                    busy={articles.isFetchingNextPage}
                    onClick={() => void articles.fetchNextPage()}
                  >
                    {t("more")}
                  </Button>
                )}
              </>
            );
          }}
        </Loaded>
      </div>
    </>
  );
}

function Row({ article }: { article: Listed }) {
  const { slug } = useOrganization();
  const { data: categories } = useCategories();
  const times = useTimes();
  const category = categories?.find((each) => each.id === article.category_id)?.name;
  return (
    <li>
      <NavLink
        to={`/${slug}/knowledge/${article.id}`}
        className={({ isActive }) => [styles.row, isActive && styles.here].filter(Boolean).join(" ")}
      >
        <span className={styles.title} lang={article.language} dir="auto">
          {article.version?.title}
        </span>
        <span className={styles.about}>
          {article.status !== "published" && <StatusBadge status={article.status} />}
          <Badge>{article.language}</Badge>
          {category && <span className={styles.category}>{category}</span>}
          <time dateTime={article.updated_at} title={times.full(article.updated_at)}>
            {times.ago(article.updated_at)}
          </time>
        </span>
      </NavLink>
    </li>
  );
}
