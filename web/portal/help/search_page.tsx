import { Empty, Loaded } from "@kit/ui";
import { SearchX } from "lucide-react";
import { Link, useSearchParams } from "react-router";
import { useCentre } from "../shell/centre";
import { ContactUs } from "./contact_us";
import styles from "./help.module.css";
import { useSearch } from "./queries";
import { SearchForm } from "./search_form";
import { useHelpWords } from "./words";

const MOST = 20;

export function SearchPage() {
  const t = useHelpWords();
  const { slug, name } = useCentre();
  const [params] = useSearchParams();
  const query = (params.get("q") ?? "").trim();
  const found = useSearch(query, MOST);
  return (
    <div className={styles.page}>
      <title>{`${t("resultsTitle", { query })} · ${name}`}</title>
      <SearchForm key={query} withSuggestions={false} />
      {query.length > 1 && (
        <Loaded query={found} lines={6}>
          {(hits) =>
            hits.length === 0 ? (
              <Empty title={t("noneFor", { query })} icon={<SearchX />}>
                {t("noneForMore")}
              </Empty>
            ) : (
              <>
                <h1 className={styles.heading}>{t("foundFor", { count: hits.length, query })}</h1>
                <ol className={styles.hits}>
                  {hits.map((hit) => (
                    <li key={hit.slug} lang={hit.language} dir="auto">
                      <h2>
                        <Link to={`/${slug}/articles/${hit.slug}`}>{hit.title}</Link>
                      </h2>
                      <p>{hit.excerpt}</p>
                    </li>
                  ))}
                </ol>
              </>
            )
          }
        </Loaded>
      )}
      <ContactUs />
    </div>
  );
}
