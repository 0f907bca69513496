/** What the AI wrote, with what it rests on: a press on a source's number shows its passages, and marks their sentences. */
import { useLanguage } from "@kit/i18n";
import { useId, useMemo, useState } from "react";
import { Link } from "react-router";
import { useOrganization } from "../shell/organization";
import { type Citation, cite, type Source } from "./cite";
import styles from "./draft.module.css";
import { useDraftWords } from "./words";

export function CitedText({ body, citations }: { body: string; citations: Citation[] }) {
  const t = useDraftWords();
  const id = useId();
  const [shown, setShown] = useState<number | null>(null);
  const { parts, sources } = useMemo(() => cite(body, citations), [body, citations]);
  const source = sources.find(({ number }) => number === shown);
  return (
    <>
      <p className={styles.body} dir="auto">
        {parts.map((part, index) => {
          const number = part.sources[0] ?? 0;
          return part.isMark ? (
            <button
              // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text keep their places
              key={index}
              type="button"
              className={styles.number}
              aria-expanded={shown === number}
              aria-controls={id}
              aria-label={t("source", { number, title: sources[number - 1]?.title ?? "" })}
              onClick={() => setShown(shown === number ? null : number)}
            >
              {number}
            </button>
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <span key={index} data-shown={(shown !== null && part.sources.includes(shown)) || undefined}>
              {part.text}
            </span>
          );
        })}
      </p>
      <div id={id}>{source && <Passages source={source} />}</div>
    </>
  );
}

function Passages({ source: { number, title, articleId, passages } }: { source: Source }) {
  const t = useDraftWords();
  const { slug } = useOrganization();
  return (
    <figure className={styles.passage} aria-label={t("passage", { title })}>
      <figcaption>
        <span className={styles.number}>{number}</span> <strong>{title}</strong>
      </figcaption>
      {passages.map(({ chunk, chunk_id, support }) =>
        chunk ? (
          <blockquote key={chunk_id} dir="auto">
            {chunk.heading && <p className={styles.heading}>{chunk.heading}</p>}
            {chunk.text}
            <p className={chunk.retired_at ? styles.stale : styles.how}>
              {chunk.retired_at ? t("retired") : <Share label="support" value={support} />}
            </p>
          </blockquote>
        ) : null,
      )}
      <Link to={`/${slug}/knowledge/${articleId}`}>{t("toArticle")}</Link>
    </figure>
  );
}

/** A number from 0 to 1 as people read it. */
export function Share({ label, value }: { label: "support" | "sure"; value: number }) {
  const t = useDraftWords();
  const { language } = useLanguage();
  const percent = new Intl.NumberFormat(language, { style: "percent" }).format(value);
  return <span>{t(label, { percent })}</span>;
}
