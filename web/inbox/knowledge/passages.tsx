import { Loaded } from "@kit/ui";
import { Link } from "react-router";
import { useOrganization } from "../shell/organization";
import styles from "./gaps.module.css";
import { usePassages } from "./gaps_query";
import { useKnowledgeWords } from "./words";

/** What search finds about a question now. */
export function Passages({ question }: { question: string }) {
  const t = useKnowledgeWords();
  const { slug } = useOrganization();
  const found = usePassages(question);
  return (
    <Loaded query={found} lines={2}>
      {(passages) =>
        passages.length === 0 ? (
          <p className={styles.muted}>{t("foundNothing")}</p>
        ) : (
          <section className={styles.passages} aria-label={t("found")}>
            <p className={styles.muted}>
              {t("found")} · {t("wordsOnly")}
            </p>
            <ol>
              {passages.map((passage) => (
                <li key={passage.chunk_id} className={styles.passage}>
                  <Link to={`/${slug}/knowledge/${passage.article_id}`} dir="auto">
                    {passage.title}
                  </Link>
                  <meter min={0} max={1} value={passage.score} aria-label={passage.title} />
                  <p className={styles.muted} dir="auto">
                    {passage.excerpt}
                  </p>
                </li>
              ))}
            </ol>
          </section>
        )
      }
    </Loaded>
  );
}
