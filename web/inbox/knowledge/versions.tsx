/** What an article said before: each version beside what is written now, or as readers saw it. */
import { Markdown } from "@kit/html/markdown";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Dialog, Loaded } from "@kit/ui";
import { useState } from "react";
import { usePeople } from "../shell/desk";
import { type Article, useVersionBody, useVersions, type Version, type Written } from "./articles";
import { Difference } from "./difference";
import styles from "./versions.module.css";
import { useKnowledgeWords } from "./words";

type Restored = { number: number; title: string; body: string };
type Props = {
  article: Article;
  written: Pick<Written, "title" | "body">;
  onRestore: (version: Restored) => void;
  onClose: () => void;
};

export function Versions({ article, written, onRestore, onClose }: Props) {
  const t = useKnowledgeWords();
  const times = useTimes();
  const { person } = usePeople();
  const versions = useVersions(article.id);
  const [chosen, setChosen] = useState<string | null>(null);
  return (
    <Dialog wide title={t("versions")} onClose={onClose}>
      <Loaded query={versions}>
        {(all) => {
          const shown = all.find(({ id }) => id === chosen) ?? all[0];
          return (
            <div className={styles.sides}>
              <ol className={styles.list}>
                {all.map((version) => (
                  <li key={version.id}>
                    <button
                      type="button"
                      className={styles.version}
                      aria-pressed={version.id === shown?.id}
                      onClick={() => setChosen(version.id)}
                    >
                      <span>
                        {t("version", { number: version.number })}{" "}
                        {version.id === article.current_version_id && (
                          <Badge tone="accent">{t("current")}</Badge>
                        )}
                      </span>
                      <span className={styles.about}>
                        {version.author_id && `${person(version.author_id).name} · `}
                        <time dateTime={version.created_at} title={times.full(version.created_at)}>
                          {times.relative(version.created_at)}
                        </time>
                      </span>
                    </button>
                  </li>
                ))}
              </ol>
              {shown && (
                <One
                  key={shown.id}
                  version={shown}
                  written={written}
                  language={article.language}
                  onRestore={onRestore}
                />
              )}
            </div>
          );
        }}
      </Loaded>
    </Dialog>
  );
}

function One({
  version,
  written,
  language,
  onRestore,
}: {
  version: Version;
  written: Props["written"];
  language: string;
  onRestore: Props["onRestore"];
}) {
  const t = useKnowledgeWords();
  const said = useVersionBody(version.id);
  const [isRead, setRead] = useState(false);
  return (
    <section className={styles.one} aria-label={t("version", { number: version.number })}>
      <Loaded query={said} lines={6}>
        {({ title, body }) => (
          <>
            <div className={styles.bar}>
              <Button small look="quiet" aria-pressed={!isRead} onClick={() => setRead(false)}>
                {t("compare")}
              </Button>
              <Button small look="quiet" aria-pressed={isRead} onClick={() => setRead(true)}>
                {t("asText")}
              </Button>
              <Button
                small
                className={styles.restore}
                title={t("takeBackHint")}
                disabled={title === written.title && body === written.body}
                onClick={() => onRestore({ number: version.number, title, body })}
              >
                {t("takeBack")}
              </Button>
            </div>
            <section
              className={styles.text}
              // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
              tabIndex={0}
              aria-label={title}
              lang={language}
              dir="auto"
            >
              {isRead ? (
                <>
                  <h3>{title}</h3>
                  <Markdown text={body} />
                </>
              ) : (
                <Difference before={`${title}\n\n${body}`} after={`${written.title}\n\n${written.body}`} />
              )}
            </section>
          </>
        )}
      </Loaded>
    </section>
  );
}
