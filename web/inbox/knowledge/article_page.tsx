import { Markdown } from "@kit/html/markdown";
import { Empty, Loaded } from "@kit/ui";
import { useParams } from "react-router";
import { useOrganization } from "../shell/organization";
import { useArticle } from "./articles";
import { Editor } from "./editor";
import styles from "./editor.module.css";
import { useKnowledgeWords } from "./words";

export function ArticlePage() {
  const t = useKnowledgeWords();
  const { article: id = "" } = useParams();
  const { atLeast } = useOrganization();
  const article = useArticle(id);
  return (
    <Loaded query={article} lines={8}>
      {(found) => {
        if (!found) return <Empty title={t("notThere")} />;
        if (atLeast("agent")) return <Editor key={found.id} article={found} />;
        return (
          <article className={styles.read} lang={found.language} dir="auto">
            <p className={styles.muted}>{t("notYours")}</p>
            <h2>{found.version.title}</h2>
            <Markdown text={found.version.body} />
          </article>
        );
      }}
    </Loaded>
  );
}
