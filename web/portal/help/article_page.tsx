import { articleHtml } from "@kit/html/article_html";
import { SafeHtml } from "@kit/html/safe_html";
import { useTimes } from "@kit/i18n/time";
import { Empty, Loaded } from "@kit/ui";
import { useParams } from "react-router";
import { useCentre } from "../shell/centre";
import article from "./article.module.css";
import { type Article, readingDirection } from "./catalog";
import { ContactUs } from "./contact_us";
import { Feedback } from "./feedback";
import styles from "./help.module.css";
import { ArticleLink } from "./home";
import { Path } from "./path";
import { useArticle, useCatalog } from "./queries";
import { useHelpWords } from "./words";

export function ArticlePage() {
  const t = useHelpWords();
  const { article: slug = "" } = useParams();
  return (
    <div className={styles.page}>
      <Loaded query={useArticle(slug)} lines={10}>
        {(found) => (found ? <Shown key={found.id} found={found} /> : <Empty title={t("noSuchArticle")} />)}
      </Loaded>
    </div>
  );
}

function Shown({ found }: { found: Article }) {
  const t = useHelpWords();
  const times = useTimes();
  const { name } = useCentre();
  const { data } = useCatalog();
  const category = data?.categories.find((each) => each.id === found.categoryId);
  const others = category?.articles.filter((each) => each.id !== found.id).slice(0, 8) ?? [];
  return (
    <div className={styles.columns}>
      <title>{`${found.title} · ${name}`}</title>
      <div>
        <Path category={category} />
        <article lang={found.language} dir={readingDirection(found.language)}>
          <h1 className={styles.title}>{found.title}</h1>
          <SafeHtml html={articleHtml(found.body)} className={article.text} />
        </article>
        <p className={styles.muted}>{t("updated", { day: times.day(found.updatedAt) })}</p>
        <Feedback articleId={found.id} />
        <ContactUs />
      </div>
      {others.length > 0 && (
        <nav className={styles.beside} aria-label={t("inCategory")}>
          <h2>{t("inCategory")}</h2>
          <ul>
            {others.map((each) => (
              <ArticleLink key={each.id} entry={each} />
            ))}
          </ul>
        </nav>
      )}
    </div>
  );
}
