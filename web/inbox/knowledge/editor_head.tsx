import { useTimes } from "@kit/i18n/time";
import { Button, IconButton, Menu, MenuItem } from "@kit/ui";
import { Ellipsis, History } from "lucide-react";
import { usePeople } from "../shell/desk";
import { type Article, type Status, useFeedback } from "./articles";
import styles from "./editor.module.css";
import { StatusBadge } from "./status_badge";
import { useKnowledgeWords } from "./words";

/** How the article stands, and what can be done with it. */
export function EditorHead({
  article,
  canSave,
  isBusy,
  onSave,
  onStatus,
  onVersions,
}: {
  article: Article | null;
  canSave: boolean;
  isBusy: boolean;
  onSave: () => void;
  onStatus: (status: Status) => void;
  onVersions: () => void;
}) {
  const t = useKnowledgeWords();
  const status = article?.status ?? "draft";
  const isPublished = status === "published";
  return (
    <header className={styles.head}>
      <div className={styles.how}>
        <StatusBadge status={status} />
        {article && <About article={article} />}
      </div>
      {article && (
        <IconButton label={t("versions")} onClick={onVersions}>
          <History />
        </IconButton>
      )}
      {article && (
        <Menu
          trigger={
            <IconButton label={t("moreActions")}>
              <Ellipsis />
            </IconButton>
          }
        >
          {isPublished && <MenuItem label={t("unpublish")} onSelect={() => onStatus("draft")} />}
          {status === "archived" && <MenuItem label={t("restore")} onSelect={() => onStatus("draft")} />}
          {status !== "archived" && <MenuItem label={t("archive")} onSelect={() => onStatus("archived")} />}
        </Menu>
      )}
      <Button look={isPublished ? "primary" : "plain"} disabled={!canSave} busy={isBusy} onClick={onSave}>
        {t(isPublished ? "savePublished" : "saveDraft")}
      </Button>
      {!isPublished && (
        <Button
          look="primary"
          busy={isBusy}
          disabled={!article && !canSave}
          onClick={() => onStatus("published")}
        >
          {t("publish")}
        </Button>
      )}
    </header>
  );
}

function About({ article }: { article: Article }) {
  const t = useKnowledgeWords();
  const times = useTimes();
  const { person } = usePeople();
  const { number, author_id, created_at } = article.version;
  const { data: feedback } = useFeedback(article.id);
  const count = feedback ? feedback.yes + feedback.no : 0;
  return (
    <>
      <span>{t("version", { number })}</span>
      {author_id && <span>{t("byWhom", { name: person(author_id).name })}</span>}
      <time dateTime={created_at} title={times.full(created_at)}>
        {times.relative(created_at)}
      </time>
      {feedback && count > 0 && <span>{t("helped", { yes: feedback.yes, count })}</span>}
    </>
  );
}
