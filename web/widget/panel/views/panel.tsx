/** The open widget: a dialog beside the page, which goes on being usable. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useChat, useChatState, useWords } from "../context";
import { Announcer } from "./announcer";
import { ArticleView } from "./article_view";
import { Conversation } from "./conversation";
import { Home } from "./home";
import { Icon } from "./icons";

export type View =
  | { name: "home" }
  | { name: "talk"; draft?: string }
  | { name: "article"; id: string; from: View };

export function Panel({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const t = useWords();
  const chat = useChat();
  const { phase, messages, refusal } = useChatState();
  const [chosen, go] = useState<View | null>(null);
  const box = useRef<HTMLElement>(null);
  const talks = messages.length > 0;
  const view: View = chosen ?? (talks ? { name: "talk" } : { name: "home" });

  useEffect(() => {
    // Opened, it asks; what was refused it does not ask again by itself, and what was lost the chat does after a while.
    if (isOpen) void chat.wake();
  }, [isOpen, chat]);
  useEffect(() => {
    if (!isOpen) return;
    if (phase === "asleep") void chat.wake();
    // On a phone the keyboard would cover half of what there is to read.
    if (phase !== "ready" || innerWidth <= 480) box.current?.focus();
  }, [isOpen, phase, chat]);
  // Another visitor begins at the beginning.
  useEffect(() => {
    if (phase === "asleep") go(null);
  }, [phase]);

  const keys = (event: KeyboardEvent) => {
    // The page's own shortcuts see an unknown element here, not a field that somebody writes in.
    event.stopPropagation();
    if (event.key === "Escape" && !event.isComposing) close();
  };
  const back =
    view.name === "article" ? view.from : view.name === "talk" ? ({ name: "home" } as const) : null;

  return (
    <section
      ref={box}
      class="panel"
      role="dialog"
      aria-label={t("title")}
      tabIndex={-1}
      hidden={!isOpen}
      onKeyDown={keys}
      onKeyUp={(event) => event.stopPropagation()}
    >
      <header>
        {back ? (
          <button type="button" class="plain" aria-label={t("back")} onClick={() => go(back)}>
            <Icon name="back" />
          </button>
        ) : (
          <span />
        )}
        <h2>{view.name === "home" ? "" : view.name === "talk" ? t("talk") : t("articles")}</h2>
        <button type="button" class="plain" aria-label={t("close")} onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      {phase === "refused" ? (
        <p class="notice" role="alert">
          {t(
            refusal === "identity_needed"
              ? "needsIdentity"
              : refusal === "identity_refused"
                ? "identityOver"
                : "refused",
          )}
        </p>
      ) : phase !== "ready" ? (
        <p class="notice" role="status">
          {t(phase === "lost" ? "lost" : "opening")}
        </p>
      ) : view.name === "home" ? (
        <Home go={go} />
      ) : view.name === "talk" ? (
        <Conversation
          isOpen={isOpen}
          draft={view.draft ?? ""}
          go={(id) => go({ name: "article", id, from: { name: "talk" } })}
        />
      ) : (
        <ArticleView id={view.id} ask={() => go({ name: "talk" })} />
      )}
      <Announcer isOpen={isOpen} />
    </section>
  );
}
