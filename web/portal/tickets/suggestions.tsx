/** Articles that may spare somebody the writing. They open beside, so that nothing that was written is lost. */
import { Link } from "react-router";
import { useSearch } from "../help/queries";
import { useSettled } from "../help/settled";
import { useCentre } from "../shell/centre";
import { useTicketWords } from "./words";
import styles from "./write.module.css";

const MOST = 4;
const LEAST_LETTERS = 5;

export function Suggestions({ text }: { text: string }) {
  const t = useTicketWords();
  const { slug } = useCentre();
  const asked = useSettled(text.trim(), 350);
  const found = useSearch(asked.length < LEAST_LETTERS ? "" : asked, MOST);
  const hits = asked.length < LEAST_LETTERS ? [] : (found.data ?? []);
  return (
    <aside className={styles.suggestions} aria-label={t("maybe")} data-empty={hits.length === 0 || undefined}>
      <div role="status" className="visually-hidden">
        {hits.length > 0 && t("suggested", { count: hits.length })}
      </div>
      {hits.length > 0 && (
        <>
          <h2>{t("maybe")}</h2>
          <ul>
            {hits.map((hit) => (
              <li key={hit.slug}>
                <Link
                  to={`/${slug}/articles/${hit.slug}`}
                  target="_blank"
                  rel="noopener"
                  lang={hit.language}
                  dir="auto"
                >
                  <strong>{hit.title}</strong>
                  <span>{hit.excerpt}</span>
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </aside>
  );
}
