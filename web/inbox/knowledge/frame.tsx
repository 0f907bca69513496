/** The list of articles, and beside it the one that is open. On a phone one at a time. */
import { Empty, Skeleton } from "@kit/ui";
import { BookOpen } from "lucide-react";
import { Suspense } from "react";
import { Outlet, useLocation, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { ArticleList } from "./article_list";
import styles from "./frame.module.css";
import { useKnowledgeWords } from "./words";

export function KnowledgeFrame() {
  const t = useKnowledgeWords();
  const { slug, atLeast } = useOrganization();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const isIndex = pathname.replace(/\/$/, "").endsWith("/knowledge");
  useCommands([
    ...(atLeast("agent")
      ? [
          {
            id: "knowledge.new",
            label: t("newArticle"),
            keys: "c",
            group: t("knowledge"),
            run: () => navigate(`/${slug}/knowledge/new`),
          },
        ]
      : []),
    {
      id: "knowledge.gaps",
      label: t("gaps"),
      group: t("knowledge"),
      run: () => navigate(`/${slug}/knowledge/gaps`),
    },
    {
      id: "knowledge.find",
      label: t("find"),
      keys: "/",
      group: t("knowledge"),
      run: () => document.querySelector<HTMLInputElement>("[data-find-article] input")?.focus(),
    },
  ]);
  return (
    <div className={styles.frame} data-open={isIndex ? "list" : "page"}>
      <nav className={styles.list} aria-label={t("articles")}>
        <ArticleList />
      </nav>
      <main className={styles.content}>
        <Suspense fallback={<Skeleton lines={8} />}>
          <Outlet />
        </Suspense>
      </main>
    </div>
  );
}

export function NothingOpen() {
  const t = useKnowledgeWords();
  return <Empty icon={<BookOpen />} title={t("nothingOpen")} />;
}
