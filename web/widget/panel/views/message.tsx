/** One message: whose it is, what it says, what it rests on, what comes with it. */
import { Fragment, h } from "preact";
import { cited, type Part, partsOf } from "../chat/sources";
import type { File, Message, Unsent } from "../chat/state";
import { useChat, useLanguage, useWords } from "../context";
import { Files } from "./files";
import { Icon } from "./icons";

type Props = {
  message: Pick<Message, "sender" | "body_text" | "reply_text"> & { created_at?: string };
  follows?: boolean;
  isMaking?: boolean;
  files?: File[];
  links?: Map<string, string>;
  go?: (article: string) => void;
};

export function Bubble({ message, follows = false, isMaking = false, files = [], links, go }: Props) {
  const t = useWords();
  const language = useLanguage();
  const isOwn = message.sender === "contact";
  const body = message.reply_text || message.body_text;
  const { text, sources } = message.sender === "ai" ? cited(body) : { text: body, sources: [] };
  const at = message.created_at ? new Date(message.created_at) : null;
  return (
    <div class={`message ${isOwn ? "own" : "theirs"}`} aria-busy={isMaking}>
      <p class={follows ? "unseen" : "who"}>
        {message.sender === "ai" && <Icon name="spark" />}
        {isOwn ? <span class="unseen">{t("you")}</span> : t(message.sender === "ai" ? "byAi" : "byPerson")}
      </p>
      <div class="bubble" dir="auto" title={at ? at.toLocaleString(language) : undefined}>
        <Text text={text} marks={isMaking ? 99 : sources.length} />
        {isMaking && <span class="caret" aria-hidden="true" />}
      </div>
      {sources.length > 0 && (
        <ul class="sources" aria-label={t("sources")}>
          {sources.map(({ number, title }) => {
            const article = links?.get(title);
            const name = (
              <>
                <sup aria-hidden="true">{number}</sup> {title}
              </>
            );
            return (
              <li key={number}>
                {article && go ? (
                  <button
                    type="button"
                    class="chip"
                    aria-label={t("source", { number, title })}
                    onClick={() => go(article)}
                  >
                    {name}
                  </button>
                ) : (
                  <span class="chip">{name}</span>
                )}
              </li>
            );
          })}
        </ul>
      )}
      <Files files={files} />
    </div>
  );
}

/** Its parts never change places: they are children, not a list. */
function Text({ text, marks }: { text: string; marks: number }) {
  return h(Fragment, null, ...partsOf(text, marks).map(drawn));
}

function drawn(part: Part) {
  if (part.kind === "text") return part.text;
  if (part.kind === "mark") return <sup>{part.number}</sup>;
  return (
    <a href={part.href} target="_blank" rel="noopener noreferrer">
      {part.text}
    </a>
  );
}

export function UnsentBubble({ unsent }: { unsent: Unsent }) {
  const t = useWords();
  const chat = useChat();
  const { message, problem, files } = unsent;
  return (
    <div class="message own unsent">
      {/* Where the words have arrived, they stand above already. */}
      {!message && (
        <div class="bubble" dir="auto">
          {unsent.body}
        </div>
      )}
      {files.map(({ file }) => (
        <span key={file.name} class="chip muted">
          <Icon name="file" /> {file.name}
        </span>
      ))}
      {problem === null ? (
        <p class="who">{t("sending")}</p>
      ) : (
        <p class="who problem" role="alert">
          {t(why(unsent))}{" "}
          <button type="button" class="link" onClick={() => chat.again(unsent)}>
            {t("again")}
          </button>{" "}
          <button type="button" class="link" onClick={() => chat.drop(unsent)}>
            {t("drop")}
          </button>
        </p>
      )}
    </div>
  );
}

function why({ message, problem }: Unsent) {
  if (problem === "PT429") return "tooMany";
  if (!message) return "notSent";
  return problem === "offline" ? "filesNotSent" : "filesRefused";
}

export function Dots({ label }: { label: string }) {
  return (
    <p class="dots" role="status">
      <span class="unseen">{label}</span>
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
    </p>
  );
}
