/** The text as it is written and as it will be read, beside each other or one at a time. */
import { Markdown } from "@kit/html/markdown";
import { IconButton } from "@kit/ui";
import { Bold, Code, Heading2, Italic, Link, List, Quote } from "lucide-react";
import { type ReactNode, useDeferredValue, useLayoutEffect, useRef, useState } from "react";
import { type Mark, mark } from "./markup";
import { useKnowledgeWords } from "./words";
import styles from "./writer.module.css";

const MARKS: [Mark, ReactNode][] = [
  ["bold", <Bold key="bold" />],
  ["italic", <Italic key="italic" />],
  ["heading", <Heading2 key="heading" />],
  ["list", <List key="list" />],
  ["quote", <Quote key="quote" />],
  ["link", <Link key="link" />],
  ["code", <Code key="code" />],
];
const VIEWS = ["write", "both", "preview"] as const;
type View = (typeof VIEWS)[number];
const KEPT_UNDER = "pgdesk.article-view";

export function Writer({
  text,
  language,
  onChange,
}: {
  text: string;
  language: string;
  onChange: (text: string) => void;
}) {
  const t = useKnowledgeWords();
  const area = useRef<HTMLTextAreaElement>(null);
  const select = useRef<{ start: number; end: number } | null>(null);
  const [view, setView] = useState<View>(keptView);
  // Typing never waits for the preview.
  const shown = useDeferredValue(text);
  useLayoutEffect(() => {
    const wanted = select.current;
    if (!wanted || !area.current) return;
    select.current = null;
    area.current.focus();
    area.current.setSelectionRange(wanted.start, wanted.end);
  });
  const apply = (how: Mark) => {
    if (!area.current) return;
    const { selectionStart: start, selectionEnd: end } = area.current;
    const next = mark({ text, start, end }, how);
    select.current = next;
    onChange(next.text);
  };
  return (
    <div className={styles.writer} data-view={view}>
      <div className={styles.bar}>
        <div className={styles.marks} role="toolbar" aria-label={t("textHint")}>
          {MARKS.map(([how, icon]) => (
            <IconButton key={how} small label={t(how)} onClick={() => apply(how)}>
              {icon}
            </IconButton>
          ))}
        </div>
        <fieldset className={styles.views}>
          <legend className="visually-hidden">{t("view")}</legend>
          {VIEWS.map((each) => (
            <button
              key={each}
              type="button"
              className={styles.view}
              data-view={each}
              aria-pressed={view === each}
              onClick={() => {
                localStorage.setItem(KEPT_UNDER, each);
                setView(each);
              }}
            >
              {t(each)}
            </button>
          ))}
        </fieldset>
      </div>
      <div className={styles.sides}>
        <textarea
          ref={area}
          className={styles.text}
          aria-label={t("text")}
          lang={language}
          dir="auto"
          spellCheck
          maxLength={500_000}
          value={text}
          onChange={(event) => onChange(event.target.value)}
        />
        <section className={styles.preview} aria-label={t("preview")} lang={language} dir="auto">
          {shown.trim() ? <Markdown text={shown} /> : <p className={styles.hint}>{t("emptyPreview")}</p>}
        </section>
      </div>
    </div>
  );
}

function keptView(): View {
  const kept = VIEWS.find((each) => each === localStorage.getItem(KEPT_UNDER));
  const isWide = matchMedia("(min-width: 62rem)").matches;
  return isWide ? (kept ?? "both") : kept === "preview" ? "preview" : "write";
}
