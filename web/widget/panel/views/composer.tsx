/** Where the visitor writes. Enter sends, Shift and Enter makes a line; files come by choosing, pasting or dropping. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useChat, useWords } from "../context";
import { Icon } from "./icons";

const LONGEST = 20_000;
const MOST_FILES = 10;

export function Composer({ draft, mayAskPerson }: { draft: string; mayAskPerson: boolean }) {
  const t = useWords();
  const chat = useChat();
  const field = useRef<HTMLTextAreaElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const [text, set] = useState(draft || kept.read());
  const [files, choose] = useState<File[]>([]);
  const isEmpty = !text.trim() && files.length === 0;
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

  const add = (more: FileList | null | undefined) => {
    if (more?.length) choose((all) => [...all, ...more].slice(0, MOST_FILES));
  };

  function send(): void {
    if (isEmpty) return;
    // A message needs words.
    chat.say(text.trim() || files.map((each) => each.name).join(", "), { files });
    set("");
    choose([]);
    field.current?.focus();
  }

  return (
    <div class="composer">
      {mayAskPerson && (
        <button
          type="button"
          class="second person"
          onClick={() => chat.say(t("personAsked"), { forPerson: true })}
        >
          <Icon name="person" /> {t("person")}
        </button>
      )}
      {files.length > 0 && (
        <ul class="files">
          {files.map((each, at) => (
            <li key={`${each.name}${each.lastModified}`}>
              <button
                type="button"
                class="chip"
                aria-label={t("takeOff", { name: each.name })}
                onClick={() => choose(files.filter((_, other) => other !== at))}
              >
                <Icon name="file" />
                <span>{each.name}</span>
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          add(event.dataTransfer?.files);
        }}
      >
        <button type="button" class="plain" aria-label={t("attach")} onClick={() => chooser.current?.click()}>
          <Icon name="file" />
        </button>
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            add(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
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
          onPaste={(event) => {
            if (!event.clipboardData?.files.length) return;
            event.preventDefault();
            add(event.clipboardData.files);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="sender" aria-label={t("send")} aria-disabled={isEmpty}>
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
