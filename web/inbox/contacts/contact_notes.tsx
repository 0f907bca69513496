import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useTimes } from "@kit/i18n/time";
import { Button, IconButton, Skeleton, TextArea, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pin, PinOff, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

type Note = Pick<Row<"contact_notes">, "id" | "author_id" | "body" | "is_pinned" | "created_at">;

export function useNotes(contactId: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["contact", contactId, "notes"],
    queryFn: (): Promise<Note[]> =>
      ok(
        client
          .from("contact_notes")
          .select("id, author_id, body, is_pinned, created_at")
          .eq("organization_id", organization_id)
          .eq("contact_id", contactId)
          .order("is_pinned", { ascending: false })
          .order("id", { ascending: false })
          .limit(100),
      ),
  });
}

/** What colleagues should know of somebody, the pinned first. */
export function ContactNotes({ contactId }: { contactId: string }) {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const me = useUser();
  const { organization_id, atLeast } = useOrganization();
  const notes = useNotes(contactId);
  const [body, setBody] = useState("");
  const [busy, setBusy] = useState(false);
  const attempt = async (write: () => PromiseLike<unknown>, told?: string, back?: () => void) => {
    try {
      await write();
      if (told) toast(told, back ? { action: { label: t("undo"), run: back } } : {});
      return true;
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
      return false;
    } finally {
      void queries.invalidateQueries({ queryKey: ["contact", contactId, "notes"] });
    }
  };
  const add = (text: string, is_pinned = false) =>
    attempt(() =>
      ok(
        client
          .from("contact_notes")
          .insert({ organization_id, contact_id: contactId, author_id: me.id, body: text, is_pinned }),
      ),
    );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!body.trim() || busy) return;
    setBusy(true);
    if (await add(body.trim())) setBody("");
    setBusy(false);
  };
  const mayChange = (note: Note) => atLeast("manager") || (note.author_id === me.id && atLeast("agent"));
  if (!notes.data) return <Skeleton lines={1} />;
  return (
    <>
      {notes.data.map((note) => (
        <NoteCard
          key={note.id}
          note={note}
          {...(mayChange(note)
            ? {
                pin: () =>
                  void attempt(() =>
                    ok(client.from("contact_notes").update({ is_pinned: !note.is_pinned }).eq("id", note.id)),
                  ),
                remove: () =>
                  void attempt(
                    () => ok(client.from("contact_notes").delete().eq("id", note.id)),
                    t("noteRemoved"),
                    note.author_id === me.id ? () => void add(note.body, note.is_pinned) : undefined,
                  ),
              }
            : {})}
        />
      ))}
      {atLeast("agent") && (
        <form className={styles.write} onSubmit={(event) => void submit(event)}>
          <TextArea
            label={t("writeNote")}
            hideLabel
            placeholder={t("writeNote")}
            rows={2}
            value={body}
            onChange={({ target }) => setBody(target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit(event);
            }}
          />
          {body.trim() && (
            <div className={styles.end}>
              <Button small look="primary" type="submit" busy={busy}>
                {t("addNote")}
              </Button>
            </div>
          )}
        </form>
      )}
    </>
  );
}

function NoteCard({ note, pin, remove }: { note: Note; pin?: () => void; remove?: () => void }) {
  const t = useContactWords();
  const times = useTimes();
  const { person } = usePeople();
  return (
    <article className={styles.note}>
      {note.body}
      <footer>
        <span>
          {[
            note.author_id ? person(note.author_id).name : "",
            times.relative(note.created_at),
            note.is_pinned ? t("pinned") : "",
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
        {pin && (
          <IconButton small label={note.is_pinned ? t("unpin") : t("pin")} onClick={pin}>
            {note.is_pinned ? <PinOff /> : <Pin />}
          </IconButton>
        )}
        {remove && (
          <IconButton small label={t("remove")} onClick={remove}>
            <Trash2 />
          </IconButton>
        )}
      </footer>
    </article>
  );
}
