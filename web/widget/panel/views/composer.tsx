/** Where the visitor writes. Enter sends, Shift and Enter makes a line. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useChat, useWords } from "../context";
import { Icon } from "./icons";

const LONGEST = 20_000;

export function Composer({ draft, mayAskPerson }: { draft: string; mayAskPerson: boolean }) {
  const t = useWords();
  const chat = useChat();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, set] = useState(draft || kept.read());
  useEffect(() => {
    if (innerWidth > 480) field.current?.focus();
  }, []);
  useEffect(() => kept.write(text), [text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: its height follows what is written
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.blockSize = "auto";
    area.style.blockSize = `${Math.min(area.scrollHeight + 2, 140)}px`;
  }, [text]);

  function send(): void {
    const body = text.trim();
    if (!body) return;
    chat.say(body);
    set("");
    field.current?.focus();
  }

  return (
    <div class="composer">
      {mayAskPerson && (
        <button type="button" class="second person" onClick={() => chat.say(t("personAsked"), true)}>
          <Icon name="person" /> {t("person")}
        </button>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          value={text}
          maxLength={LONGEST}
          aria-label={t("placeholder")}
          placeholder={t("placeholder")}
          onInput={(event) => {
            set(event.currentTarget.value);
            chat.type();
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="sender" aria-label={t("send")} aria-disabled={!text.trim()}>
          <Icon name="send" />
        </button>
      </form>
    </div>
  );
}

/** What was begun on one page goes on on the next, in this tab. */
const kept = {
  read: (): string => {
    try {
      return sessionStorage.getItem("pgdesk.draft") ?? "";
    } catch {
      return "";
    }
  },
  write: (text: string): void => {
    try {
      if (text) sessionStorage.setItem("pgdesk.draft", text);
      else sessionStorage.removeItem("pgdesk.draft");
    } catch {
      // No storage: it lasts as long as the page.
    }
  },
};
