import { Empty, Loaded } from "@kit/ui";
import { BookOpen } from "lucide-react";
import { Link } from "react-router";
import { useCentre } from "../shell/centre";
import type { Category, Entry } from "./catalog";
import { ContactUs } from "./contact_us";
import styles from "./help.module.css";
import { useCatalog } from "./queries";
import { SearchForm } from "./search_form";
import { useHelpWords } from "./words";

const SHOWN = 4;

export function Home() {
  const t = useHelpWords();
  const catalog = useCatalog();
  return (
    <>
      <section className={styles.hero}>
        <div className={styles.heroInside}>
          <h1>{t("greeting")}</h1>
          <SearchForm />
        </div>
      </section>
      <div className={styles.page}>
        <Loaded query={catalog} lines={8}>
          {({ categories, loose }) =>
            categories.length + loose.length === 0 ? (
              <Empty title={t("noArticles")} icon={<BookOpen />}>
                {t("noArticlesMore")}
              </Empty>
            ) : (
              <div className={styles.shelves}>
                {categories.map((each) => (
                  <Shelf key={each.id} category={each} />
                ))}
                {loose.length > 0 && <Loose articles={loose} isAlone={categories.length === 0} />}
              </div>
            )
          }
        </Loaded>
        <ContactUs />
      </div>
    </>
  );
}

function Shelf({ category }: { category: Category }) {
  const t = useHelpWords();
  const { slug } = useCentre();
  const address = `/${slug}/categories/${category.slug}`;
  return (
    <section className={styles.shelf} aria-labelledby={category.id}>
      <h2 id={category.id}>
        <Link to={address} dir="auto">
          {category.name}
        </Link>
      </h2>
      <ul>
        {category.articles.slice(0, SHOWN).map((each) => (
          <ArticleLink key={each.id} entry={each} />
        ))}
      </ul>
      {category.articles.length > SHOWN && (
        <Link
          to={address}
          className={styles.all}
          aria-label={`${t("moreIn", { name: category.name })}: ${t("articles", { count: category.articles.length })}`}
        >
          {t("articles", { count: category.articles.length })}
        </Link>
      )}
    </section>
  );
}

function Loose({ articles, isAlone }: { articles: Entry[]; isAlone: boolean }) {
  const t = useHelpWords();
  return (
    <section className={styles.shelf} aria-label={t("others")}>
      {!isAlone && <h2>{t("others")}</h2>}
      <ul>
        {articles.map((each) => (
          <ArticleLink key={each.id} entry={each} />
        ))}
      </ul>
    </section>
  );
}

export function ArticleLink({ entry }: { entry: Pick<Entry, "slug" | "title" | "language"> }) {
  const { slug } = useCentre();
  return (
    <li>
      <Link to={`/${slug}/articles/${entry.slug}`} lang={entry.language} dir="auto">
        {entry.title}
      </Link>
    </li>
  );
}
