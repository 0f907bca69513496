/** The field in which a reply or a note is written, with what can be put into it and sent with it. */
import { Badge, Button, IconButton, Menu, MenuItem, useToast } from "@kit/ui";
import { AtSign, ChevronDown, Paperclip, Send, Slash, Sparkles, StickyNote, X } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import type { Directory } from "../thread/people";
import type { Ticket } from "../tickets/ticket";
import type { Asking } from "./asking";
import styles from "./composer.module.css";
import type { Begun } from "./composition";
import { type Mentioned, toMarkup } from "./mentions";
import { Suggestions } from "./suggestions";
import { UploadList } from "./upload_list";
import { MOST_MAIL_BYTES } from "./uploads";
import { useBegun } from "./use_begun";
import { useOutbox } from "./use_outbox";
import { useSuggestions } from "./use_suggestions";
import { useComposerWords } from "./words";

export type After = { resolve: boolean; next: boolean };
export type Sending = Begun & After;

type Props = {
  ticket: Ticket;
  internal: boolean;
  directory: Directory;
  /** Text that comes from elsewhere: a draft, what was taken back. */
  given: Begun | null;
  onGivenTaken: () => void;
  onSend: (sending: Sending) => void;
  onTyping: (internal: boolean | null) => void;
  /** Grows with every wish to write here. */
  wish: number;
  tools: ReactNode;
};

const IS_MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Writer({
  ticket,
  internal,
  directory,
  given,
  onGivenTaken,
  onSend,
  onTyping,
  wish,
  tools,
}: Props) {
  const t = useComposerWords();
  const toast = useToast();
  const outbox = useOutbox();
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const listId = useId();
  const begun = useBegun({ ticket, internal, given, onGivenTaken });
  const { text, setText, mentioned, setMentioned, draftId, setDraftId, files, clear } = begun;
  const [isOver, setOver] = useState(false);

  const insert = useCallback(
    (asking: Pick<Asking, "from" | "to">, piece: string) => {
      setText((old) => old.slice(0, asking.from) + piece + old.slice(asking.to));
      const caret = asking.from + piece.length;
      requestAnimationFrame(() => {
        field.current?.focus();
        field.current?.setSelectionRange(caret, caret);
      });
    },
    [setText],
  );
  const suggestions = useSuggestions({
    ticketId: ticket.id,
    internal,
    directory,
    insert,
    mention: (each: Mentioned) => setMentioned((all) => [...all, each]),
  });

  // As high as what is written, within limits.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [text]);
  useEffect(() => {
    if (wish === 0) return;
    field.current?.focus();
    const end = field.current?.value.length ?? 0;
    field.current?.setSelectionRange(end, end);
  }, [wish]);

  const send = (after: After) => {
    const body = (internal ? toMarkup(text, mentioned) : text).trimEnd();
    // Pressed once more: what waits to be taken back need not.
    if (!body.trim()) return outbox.hurry(ticket.id);
    if (files.uploads.some(({ state }) => state === "failed"))
      return void toast(t("fixFiles"), { tone: "danger" });
    if (files.uploads.some(({ state }) => state === "uploading")) return void toast(t("stillUploading"));
    if (isTooMuch) return void toast(t("mailTooLarge"), { tone: "danger" });
    const ready = files.uploads.map(({ path, name, bytes }) => ({ path, name, bytes }));
    onTyping(null);
    clear();
    onSend({ body, files: ready, draftId, ...after });
  };
  const isTooMuch =
    !internal &&
    ticket.channel === "email" &&
    files.uploads.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_MAIL_BYTES;

  const press = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    const isMod = event.metaKey || event.ctrlKey;
    if (isMod && event.key === "Enter") send({ resolve: event.altKey && !internal, next: event.shiftKey });
    else if (!isMod && suggestions.press(event.key)) {
      // It was for the list.
    } else if (event.key === "Escape") field.current?.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const begin = (sign: string) => {
    const at = field.current?.selectionStart ?? text.length;
    const before = text.slice(0, at);
    const piece = `${before && !/\s$/.test(before) ? " " : ""}${sign}`;
    insert({ from: at, to: at }, piece);
    suggestions.look(before + piece, at + piece.length);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping files is a convenience; the button does the same
    <div
      className={styles.writer}
      data-over={isOver || undefined}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        if (!event.dataTransfer.files.length) return;
        event.preventDefault();
        files.add(event.dataTransfer.files);
      }}
    >
      {suggestions.isOpen && (
        <Suggestions
          id={listId}
          label={suggestions.asking?.kind === "person" ? t("name") : t("texts")}
          options={suggestions.options}
          active={suggestions.active}
          none={t(suggestions.asking?.kind === "person" ? "noPeople" : "noTexts")}
          onChoose={suggestions.choose}
        />
      )}
      <textarea
        ref={field}
        className={styles.field}
        rows={2}
        dir={text ? "auto" : undefined}
        aria-label={internal ? t("writeNote") : t("writeReply")}
        aria-autocomplete="list"
        aria-controls={suggestions.isOpen ? listId : undefined}
        aria-activedescendant={
          suggestions.isOpen && suggestions.options.length ? `${listId}-${suggestions.active}` : undefined
        }
        placeholder={internal ? t("notePlaceholder") : t("replyPlaceholder")}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          suggestions.look(event.target.value, event.target.selectionStart);
          onTyping(event.target.value ? internal : null);
        }}
        onSelect={(event) => suggestions.look(event.currentTarget.value, event.currentTarget.selectionStart)}
        onBlur={() => {
          suggestions.close();
          onTyping(null);
        }}
        onKeyDown={press}
        onPaste={(event) => {
          if (!event.clipboardData.files.length) return;
          event.preventDefault();
          files.add(event.clipboardData.files);
        }}
      />
      {isOver && <div className={styles.drop}>{t("dropHere")}</div>}
      <UploadList uploads={files.uploads} onRemove={files.remove} onAgain={files.again} />
      <div className={styles.tools}>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            files.add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <IconButton small label={t("attach")} onClick={() => picker.current?.click()}>
          <Paperclip />
        </IconButton>
        <IconButton small label={t("texts")} keys="/" onClick={() => begin("/")}>
          <Slash />
        </IconButton>
        {internal && (
          <IconButton small label={t("name")} keys="@" onClick={() => begin("@")}>
            <AtSign />
          </IconButton>
        )}
        {tools}
        {draftId && (
          <Badge tone="accent">
            <Sparkles aria-hidden size={12} /> {t("fromDraft")}
            <button
              type="button"
              className={styles.unlink}
              aria-label={t("dropDraft")}
              onClick={() => setDraftId(null)}
            >
              <X aria-hidden size={12} />
            </button>
          </Badge>
        )}
        <span className={styles.hint}>{t("shortcutHint", { keys: IS_MAC ? "⌘↵" : "Ctrl ↵" })}</span>
        <div className={styles.send}>
          <Button
            small
            look="primary"
            aria-disabled={!text.trim()}
            onClick={() => send({ resolve: false, next: false })}
          >
            {internal ? <StickyNote aria-hidden size={14} /> : <Send aria-hidden size={14} />}
            {internal ? t("addNote") : t("send")}
          </Button>
          {!internal && (
            <Menu
              trigger={
                <IconButton small look="primary" label={t("moreWays")}>
                  <ChevronDown />
                </IconButton>
              }
            >
              <MenuItem
                label={t("sendNext")}
                hint={IS_MAC ? "⌘⇧↵" : "Ctrl Shift ↵"}
                onSelect={() => send({ resolve: false, next: true })}
              />
              <MenuItem
                label={t("sendResolve")}
                hint={IS_MAC ? "⌘⌥↵" : "Ctrl Alt ↵"}
                onSelect={() => send({ resolve: true, next: false })}
              />
              <MenuItem
                label={t("sendResolveNext")}
                hint={IS_MAC ? "⌘⌥⇧↵" : "Ctrl Alt Shift ↵"}
                onSelect={() => send({ resolve: true, next: true })}
              />
            </Menu>
          )}
        </div>
      </div>
    </div>
  );
}
