/** What was said, what is being said, and where to say more. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { titled } from "../chat/articles";
import { cited } from "../chat/sources";
import { type Message, newestOf, openTicket } from "../chat/state";
import { useAsked, useChat, useChatState, useLanguage, useWords } from "../context";
import { Composer } from "./composer";
import { Icon } from "./icons";
import { Bubble, Dots, UnsentBubble } from "./message";
import { Rating } from "./rating";
import { Reach } from "./reach";

type Props = { isOpen: boolean; draft: string; go: (article: string) => void };

export function Conversation({ isOpen, draft, go }: Props) {
  const t = useWords();
  const chat = useChat();
  const state = useChatState();
  const { messages, unsent, making, looking, isTyping, awaitsPerson, tickets } = state;
  const links = useLinks(messages);
  const last = newestOf(messages);
  const isOver = tickets.length > 0 && !openTicket(tickets);
  // Once a person has answered there is nobody else to ask for.
  const mayAskPerson = last !== undefined && last.sender !== "member" && !awaitsPerson && !isOver;
  const waits = last?.sender === "contact" && !looking && !making;

  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is new before somebody's eyes is seen
  useEffect(() => {
    if (!isOpen) return;
    chat.see();
    document.addEventListener("visibilitychange", chat.see);
    return () => document.removeEventListener("visibilitychange", chat.see);
  }, [isOpen, chat, last?.id]);

  return (
    <>
      <Log
        isOpen={isOpen}
        mark={`${last?.id}${unsent.length}${making?.text.length}${looking}${isTyping}${awaitsPerson}`}
      >
        {!state.isLive && tickets.length > 0 && (
          <p class="aside" role="status">
            {t("unlive")}
          </p>
        )}
        {state.hasEarlier && (
          <button type="button" class="second" onClick={() => void chat.earlier()}>
            {t("earlier")}
          </button>
        )}
        {messages.length + unsent.length === 0 && <p class="aside">{t("begin")}</p>}
        <ol>
          {messages.map((each, at) => (
            <li key={each.id}>
              <Day of={each} after={messages[at - 1]} />
              <Bubble
                message={each}
                follows={messages[at - 1]?.sender === each.sender}
                files={state.files.filter(({ message_id }) => message_id === each.id)}
                links={links}
                go={go}
              />
            </li>
          ))}
          {unsent.map((each) => (
            <li key={each.key}>
              <UnsentBubble unsent={each} />
            </li>
          ))}
          {making && (
            <li>
              <Bubble message={{ sender: "ai", body_text: making.text, reply_text: null }} isMaking />
            </li>
          )}
        </ol>
        {(looking || isTyping) && !making && <Dots label={t(isTyping ? "typing" : "looking")} />}
        {awaitsPerson && !isOver && (
          <p class="aside">
            <Icon name="person" /> {t("personComes")}
          </p>
        )}
        {waits && unsent.length === 0 && !isOver && <Reach />}
        {isOver && <p class="aside">{t("resolved")}</p>}
        {state.survey && <Rating key={state.survey} />}
      </Log>
      <Composer draft={draft} mayAskPerson={mayAskPerson} />
    </>
  );
}

/** Stays at its end while what is new comes there, unless somebody reads further up. */
function Log({
  isOpen,
  mark,
  children,
}: {
  isOpen: boolean;
  mark: string;
  children: preact.ComponentChildren;
}) {
  const t = useWords();
  const box = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  const height = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `mark` is what the content depends on
  useLayoutEffect(() => {
    const log = box.current;
    if (!log) return;
    if (isAtEnd.current) log.scrollTop = log.scrollHeight;
    // Earlier messages come above: what was read stays where it is.
    else if (log.scrollTop < 40 && height.current) log.scrollTop += log.scrollHeight - height.current;
    height.current = log.scrollHeight;
  }, [mark, isOpen]);
  return (
    <section
      class="scroll log"
      ref={box}
      aria-label={t("talk")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: log }) => {
        isAtEnd.current = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
      }}
    >
      {children}
    </section>
  );
}

/** Which of the articles that answers cite can be read. */
function useLinks(messages: Message[]): Map<string, string> {
  const chat = useChat();
  const titles = new Set(
    messages
      .filter((each) => each.sender === "ai")
      .flatMap((each) => cited(each.body_text).sources.map(({ title }) => title)),
  );
  const names = [...titles].sort();
  const { value } = useAsked(names.join("\n"), async () => {
    if (!names.length) return new Map<string, string>();
    const { rest, visitor } = await chat.desk();
    return titled(rest, await visitor.organization(), names);
  });
  return value ?? new Map();
}

function Day({ of, after }: { of: Message; after: Message | undefined }) {
  const t = useWords();
  const language = useLanguage();
  const day = (at: string | number | Date) => new Date(at).toDateString();
  if (after && day(after.created_at) === day(of.created_at)) return null;
  const name =
    day(of.created_at) === day(Date.now())
      ? t("today")
      : day(of.created_at) === day(Date.now() - 86_400_000)
        ? t("yesterday")
        : new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(of.created_at));
  return <p class="day">{name}</p>;
}
