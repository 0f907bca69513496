/** One message: by whom, when, and for its author a way to change or delete it. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useTimes } from "@kit/i18n/time";
import { Avatar, Button, IconButton, useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2 } from "lucide-react";
import { type KeyboardEvent, memo, useState } from "react";
import { fromMarkup, toMarkup } from "../composer/mentions";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { Text } from "../thread/text_body";
import type { Pending, Said } from "./messages";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

export const SaidRow = memo(function SaidRow({ said, isFollowing }: { said: Said; isFollowing: boolean }) {
  const t = useRoomWords();
  const times = useTimes();
  const me = useUser();
  const { person } = usePeople();
  const { atLeast } = useOrganization();
  const [edits, setEdits] = useState(false);
  const [sure, setSure] = useState(false);
  const edit = useEdit(said);
  const { name, picture } = person(said.user_id);
  const isMine = said.user_id === me.id && atLeast("agent");
  const isGone = said.deleted_at !== null;
  return (
    <article className={styles.said} data-following={isFollowing} aria-label={name}>
      {isFollowing ? <span className={styles.face} /> : <Avatar name={name} url={picture} size={32} />}
      <div className={styles.words}>
        {!isFollowing && (
          <p>
            <strong>{name}</strong>{" "}
            <time className={styles.small} dateTime={said.created_at} title={times.full(said.created_at)}>
              {times.clock(said.created_at)}
            </time>
          </p>
        )}
        {edits ? (
          <EditBox
            body={said.body}
            onCancel={() => setEdits(false)}
            onSave={async (body) => {
              if (await edit(body)) setEdits(false);
            }}
          />
        ) : isGone ? (
          <p className={styles.gone}>{t("deleted")}</p>
        ) : (
          <p className={styles.text}>
            <Text text={said.body} withMentions />
            {said.edited_at && <span className={styles.small}> ({t("edited")})</span>}
          </p>
        )}
      </div>
      {!isGone && !edits && (isMine || atLeast("admin")) && (
        <div className={styles.tools}>
          {isMine && (
            <IconButton small label={t("edit")} onClick={() => setEdits(true)}>
              <Pencil />
            </IconButton>
          )}
          {sure ? (
            <Button small look="danger" onBlur={() => setSure(false)} onClick={() => void edit(null)}>
              {t("deleteSure")}
            </Button>
          ) : (
            <IconButton small label={t("delete")} onClick={() => setSure(true)}>
              <Trash2 />
            </IconButton>
          )}
        </div>
      )}
    </article>
  );
});

/** Null deletes it. */
function useEdit(said: Said) {
  const t = useRoomWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  return async (body: string | null): Promise<boolean> => {
    try {
      await ok(client.rpc("edit_room_message", { message_id: said.id, ...(body ? { body } : {}) }));
      await queries.invalidateQueries({ queryKey: ["room"] });
      return true;
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
      return false;
    }
  };
}

type EditProps = { body: string; onCancel: () => void; onSave: (body: string) => void };

function EditBox({ body, onCancel, onSave }: EditProps) {
  const t = useRoomWords();
  const [{ text: begun, mentioned }] = useState(() => fromMarkup(body));
  const [text, setText] = useState(begun);
  const save = () => {
    if (text.trim()) onSave(toMarkup(text.trim(), mentioned));
  };
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") onCancel();
    else if (event.key === "Enter" && !event.shiftKey) save();
    else return;
    event.preventDefault();
  };
  return (
    <div className={styles.editing}>
      <textarea
        aria-label={t("edit")}
        rows={Math.min(8, text.split("\n").length + 1)}
        value={text}
        ref={(element) => element?.focus()}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={press}
      />
      <div className={styles.chips}>
        <Button small look="primary" onClick={save}>
          {t("save")}
        </Button>
        <Button small onClick={onCancel}>
          {t("cancel")}
        </Button>
      </div>
    </div>
  );
}

type PendingProps = { pending: Pending; onAgain: () => void; onDrop: () => void };

export function PendingRow({ pending, onAgain, onDrop }: PendingProps) {
  const t = useRoomWords();
  const me = useUser();
  const { person } = usePeople();
  const { name, picture } = person(me.id);
  return (
    <article className={styles.said} aria-label={name} data-pending={pending.problem === null}>
      <Avatar name={name} url={picture} size={32} />
      <div className={styles.words}>
        <p>
          <strong>{name}</strong>{" "}
          {pending.problem === null && <span className={styles.small}>{t("sending")}</span>}
        </p>
        <p className={styles.text}>
          <Text text={pending.body} withMentions />
        </p>
        {pending.problem !== null && (
          <div role="alert" className={styles.chips}>
            <span className={styles.problem}>{t("notSent", { problem: pending.problem })}</span>
            <Button small onClick={onAgain}>
              {t("again")}
            </Button>
            <Button small look="quiet" onClick={onDrop}>
              {t("discard")}
            </Button>
          </div>
        )}
      </div>
    </article>
  );
}
