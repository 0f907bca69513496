/** One article. Its Markdown is drawn by a part that is loaded when the first one is read. */
import { useEffect, useRef } from "preact/hooks";
import { article } from "../chat/articles";
import { useAsked, useChat, useWords } from "../context";

export function ArticleView({ id, ask }: { id: string; ask: () => void }) {
  const t = useWords();
  const chat = useChat();
  const heading = useRef<HTMLHeadingElement>(null);
  const { value, failed } = useAsked(id, async () => {
    const { rest, visitor } = await chat.desk();
    const [found, { Markdown }] = await Promise.all([
      article(rest, await visitor.organization(), id),
      import("./markdown"),
    ]);
    return { found, Markdown };
  });
  useEffect(() => {
    if (value) heading.current?.focus();
  }, [value]);

  if (failed) return <p class="notice">{t("failed")}</p>;
  if (!value)
    return (
      <p class="notice" role="status">
        {t("opening")}
      </p>
    );
  const { found, Markdown } = value;
  if (!found) return <p class="notice">{t("articleGone")}</p>;
  return (
    <div class="scroll">
      <article class="article" lang={found.language} dir="auto">
        <h1 ref={heading} tabIndex={-1}>
          {found.title}
        </h1>
        <Markdown text={found.body} />
      </article>
      <button type="button" class="second" onClick={ask}>
        {t("notAnswered")}
      </button>
    </div>
  );
}
