/** Before anything is asked: a greeting, what there is to read, and the way to a person. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Found, latest, search } from "../chat/articles";
import { newestOf } from "../chat/state";
import { useAsked, useChat, useChatState, useLanguage, useWords } from "../context";
import { Icon } from "./icons";
import type { View } from "./panel";

/** A pause in typing. */
const PAUSE_MS = 250;
const LONGEST = 110;

export function Home({ go }: { go: (view: View) => void }) {
  const t = useWords();
  const chat = useChat();
  const { greeting, messages, unread } = useChatState();
  const [typed, type] = useState("");
  const query = useSettled(typed.trim());
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (innerWidth > 480) field.current?.focus();
  }, []);
  const { value: found } = useAsked<Found[]>(query, async () => {
    const { rest, visitor } = await chat.desk();
    const organization = await visitor.organization();
    return query ? search(rest, organization, query) : latest(rest, organization);
  });
  const last = newestOf(messages);

  return (
    <div class="home">
      <h1>
        <bdi>{greeting?.greeting || t("welcome")}</bdi>
      </h1>
      <p class="muted">
        {t("welcomeMore")} <Hours />
      </p>
      {last && (
        <button type="button" class="card goon" onClick={() => go({ name: "talk" })}>
          <span>
            <strong>{t("goOn")}</strong>
            <span class="muted line">{last.reply_text ?? last.body_text}</span>
          </span>
          {unread > 0 && <span class="count">{unread}</span>}
        </button>
      )}
      <search>
        <form
          class="find"
          onSubmit={(event) => {
            event.preventDefault();
            if (typed.trim()) go({ name: "talk", draft: typed.trim() });
          }}
        >
          <Icon name="search" />
          <input
            ref={field}
            type="search"
            value={typed}
            maxLength={500}
            autocomplete="off"
            aria-label={t("search")}
            placeholder={t("search")}
            onInput={(event) => type(event.currentTarget.value)}
          />
        </form>
      </search>
      <p class="unseen" role="status">
        {query && found ? t("found", { count: found.length }) : ""}
      </p>
      {found && found.length > 0 && (
        <ul class="list" aria-label={t("articles")}>
          {found.map((each) => (
            <li key={each.id}>
              <button
                type="button"
                onClick={() => go({ name: "article", id: each.id, from: { name: "home" } })}
              >
                <Icon name="page" />
                <span>
                  <bdi>{each.title}</bdi>
                  {each.excerpt && <span class="muted line">{plain(each.excerpt)}</span>}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {query && found?.length === 0 && <p class="muted">{t("nothing", { query })}</p>}
      <button
        type="button"
        class="main"
        onClick={() => go(query ? { name: "talk", draft: query } : { name: "talk" })}
      >
        {query ? t("ask", { query: query.length > 40 ? `${query.slice(0, 40)}…` : query }) : t("write")}
      </button>
    </div>
  );
}

/** Whether somebody is there, where the desk says so. */
function Hours() {
  const t = useWords();
  const language = useLanguage();
  const { greeting } = useChatState();
  if (greeting?.is_open == null) return null;
  if (greeting.is_open) return <>{t("isOpen")}</>;
  if (!greeting.opens_at) return <>{t("isClosed")}</>;
  const when = new Intl.DateTimeFormat(language, { weekday: "long", hour: "numeric", minute: "2-digit" });
  return (
    <>
      {t("isClosed")} {t("opensAt", { when: when.format(new Date(greeting.opens_at)) })}
    </>
  );
}

const plain = (markdown: string) =>
  markdown
    .replace(/[#*_`>[\]]|\(https?:[^)]*\)/g, "")
    .replace(/\s+/g, " ")
    .slice(0, LONGEST);

function useSettled(value: string): string {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
