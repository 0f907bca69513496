/** Where something is said: Enter sends, `@` names somebody. What is begun is there again after a reload. */
import { IconButton } from "@kit/ui";
import { SendHorizontal } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { askingAt, fits } from "../composer/asking";
import { fromMarkup, type Mentioned, mentionName, toMarkup } from "../composer/mentions";
import { Suggestions } from "../composer/suggestions";
import { usePeople, useTeams } from "../shell/desk";
import { useSay } from "./messages";
import { type Room, useRoomName } from "./room";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

const keptUnder = (room: Room) => `pgdesk.room.${room.id}`;
const SHOWN = 8;

export function WriteBox({ room }: { room: Room }) {
  const t = useRoomWords();
  const nameOf = useRoomName();
  const { say } = useSay(room.id);
  const field = useRef<HTMLTextAreaElement>(null);
  const listId = useId();
  const [begun] = useState(() => fromMarkup(localStorage.getItem(keptUnder(room)) ?? ""));
  const [text, setText] = useState(begun.text);
  const [mentioned, setMentioned] = useState<Mentioned[]>(begun.mentioned);
  const [caret, setCaret] = useState(0);
  const { options, asking } = useMentions(text, caret);
  const [active, setActive] = useState(0);
  const [dismissed, setDismissed] = useState(-1);
  const isOpen = asking !== null && options.length > 0 && asking.from !== dismissed;
  const markup = toMarkup(text, mentioned);
  useEffect(() => {
    if (markup) localStorage.setItem(keptUnder(room), markup);
    else localStorage.removeItem(keptUnder(room));
  }, [markup, room]);
  useEffect(() => field.current?.focus(), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as high as what is written
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [text]);
  const send = () => {
    if (!text.trim()) return;
    say(markup.trim());
    setText("");
    setMentioned([]);
  };
  const choose = (index: number) => {
    const option = options[index];
    if (!asking || !option) return;
    const piece = `@${option.label} `;
    setMentioned((all) => [...all, { id: option.id, name: option.label }]);
    setText(text.slice(0, asking.from) + piece + text.slice(asking.to));
    const end = asking.from + piece.length;
    setCaret(end);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(end, end);
    });
  };
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const at = Math.min(active, options.length - 1);
    if (isOpen && event.key === "ArrowDown") setActive((at + 1) % options.length);
    else if (isOpen && event.key === "ArrowUp") setActive((at - 1 + options.length) % options.length);
    else if (isOpen && (event.key === "Enter" || event.key === "Tab")) choose(at);
    else if (isOpen && event.key === "Escape") setDismissed(asking.from);
    else if (event.key === "Enter" && !event.shiftKey) send();
    else if (event.key === "Escape") field.current?.blur();
    else return;
    event.preventDefault();
  };
  return (
    <div className={styles.box}>
      {isOpen && (
        <Suggestions
          id={listId}
          label={t("mention")}
          options={options}
          active={Math.min(active, options.length - 1)}
          none={t("nobodyFound")}
          onChoose={choose}
        />
      )}
      <textarea
        ref={field}
        role="combobox"
        aria-label={t("messageTo", { room: nameOf(room) })}
        aria-expanded={isOpen}
        aria-controls={isOpen ? listId : undefined}
        aria-autocomplete="list"
        aria-activedescendant={isOpen ? `${listId}-${Math.min(active, options.length - 1)}` : undefined}
        placeholder={t("messageTo", { room: nameOf(room) })}
        rows={1}
        maxLength={19_000}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          setCaret(target.selectionStart);
          setActive(0);
        }}
        onSelect={({ currentTarget }) => setCaret(currentTarget.selectionStart)}
        onKeyDown={press}
      />
      <IconButton label={t("send")} keys="Enter" aria-disabled={!text.trim()} onClick={send}>
        <SendHorizontal className="mirrored" />
      </IconButton>
    </div>
  );
}

function useMentions(text: string, caret: number) {
  const { members } = usePeople();
  const teams = useTeams().data ?? [];
  const found = askingAt(text, caret, true);
  const asking = found?.kind === "person" ? found : null;
  const named = [
    ...members.map(({ id, name }) => ({ id, label: mentionName(name) })),
    ...teams.map(({ id, name }) => ({ id: `team:${id}`, label: mentionName(name) })),
  ];
  const options = asking
    ? named.filter(({ label }) => label && fits(asking.query, label)).slice(0, SHOWN)
    : [];
  return { asking, options };
}
