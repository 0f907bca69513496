import { defineWords, useWords } from "@kit/i18n";
import { Dialog } from "@kit/ui";
import { useId, useMemo, useState } from "react";
import { useFoundCommands } from "../list/search/commands_found";
import styles from "./command_bar.module.css";
import { type Command, useCommandBarState } from "./registry";

const words = defineWords({
  en: {
    title: "Search and commands",
    placeholder: "What would you like to do?",
    none: "Nothing is called that.",
  },
  ar: { title: "البحث والأوامر", placeholder: "ماذا تريد أن تفعل؟", none: "لا شيء بهذا الاسم." },
});

export function CommandBar() {
  const { isOpen } = useCommandBarState();
  return isOpen ? <Bar /> : null;
}

/** A combobox over all that is offered where one is (WAI-ARIA: editable combobox with list autocomplete). */
function Bar() {
  const t = useWords(words);
  const { all, setOpen } = useCommandBarState();
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const listId = useId();
  const commands = useMemo(() => all().filter((each) => !each.hidden), [all]);
  const named = useMemo(() => matching(commands, query), [commands, query]);
  const searched = useFoundCommands(query);
  // Where words are found in tickets, few commands are meant.
  const found = searched.length > 0 ? [...named.slice(0, BESIDE), ...searched] : named;
  const close = () => setOpen(false);
  const run = (command: Command | undefined) => {
    if (!command) return;
    close();
    // After the window has closed: focus is where it was, and the command may move it.
    setTimeout(command.run);
  };
  const move = (by: number) =>
    setActive((at) => (found.length ? (at + by + found.length) % found.length : 0));
  return (
    <Dialog title={t("title")} onClose={close} bare>
      <input
        className={styles.query}
        role="combobox"
        aria-label={t("title")}
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={found[active] ? `${listId}-${active}` : undefined}
        placeholder={t("placeholder")}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setActive(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") move(1);
          else if (event.key === "ArrowUp") move(-1);
          else if (event.key === "Enter") run(found[active]);
          else return;
          event.preventDefault();
        }}
      />
      <div id={listId} role="listbox" aria-label={t("title")} className={styles.list}>
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the combobox's
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={command.id}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === active}
            className={styles.option}
            onClick={() => run(command)}
          >
            <span>{command.label}</span>
            {command.group && <span className={styles.group}>{command.group}</span>}
            {command.keys && <kbd>{command.keys}</kbd>}
          </div>
        ))}
      </div>
      {found.length === 0 && <p>{t("none")}</p>}
    </Dialog>
  );
}

const SHOWN = 50;
const BESIDE = 6;

/** All words of the query occur; where they begin the label they come first. */
function matching(commands: Command[], query: string): Command[] {
  const wanted = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const rank = (label: string) => (wanted[0] && label.startsWith(wanted[0]) ? 0 : 1);
  return commands
    .map((command) => ({ command, label: `${command.label} ${command.group ?? ""}`.toLocaleLowerCase() }))
    .filter(({ label }) => wanted.every((word) => label.includes(word)))
    .sort((one, other) => rank(one.label) - rank(other.label))
    .slice(0, SHOWN)
    .map(({ command }) => command);
}
