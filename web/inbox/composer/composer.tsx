/** Where an agent answers or leaves a note. */
import { useImperativeHandle, useState } from "react";
import { useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useNextTicket } from "../list/next_ticket";
import { useOrganization } from "../shell/organization";
import type { Directory } from "../thread/people";
import type { Ticket } from "../tickets/ticket";
import styles from "./composer.module.css";
import type { Begun } from "./composition";
import { MacroMenu } from "./macros";
import { UNDO_MS } from "./outbox";
import { useOutbox } from "./use_outbox";
import { useComposerWords } from "./words";
import { type Sending, Writer } from "./writer";

export type ComposerHandle = {
  /** Puts a text into the field, to be gone on with. */
  give: (begun: Begun, internal: boolean) => void;
  /** Sends a draft of the AI as it is. */
  send: (begun: Begun) => void;
};

export function Composer({
  ticket,
  directory,
  seenSeq,
  onTyping,
  onSent,
  handle,
}: {
  ticket: Ticket;
  directory: Directory;
  seenSeq: () => number;
  onTyping: (internal: boolean | null) => void;
  onSent: () => void;
  handle: React.Ref<ComposerHandle>;
}) {
  const t = useComposerWords();
  const navigate = useNavigate();
  const outbox = useOutbox();
  const next = useNextTicket();
  const { atLeast } = useOrganization();
  const [internal, setInternal] = useState(false);
  const [given, setGiven] = useState<{ begun: Begun; internal: boolean } | null>(null);
  const [wish, setWish] = useState(0);
  const mayWrite = atLeast("agent") && !ticket.merged_into;

  const write = (note: boolean) => {
    setInternal(note);
    setWish((old) => old + 1);
  };
  const send = ({ body, files, draftId, resolve, next: andNext }: Sending, note: boolean) => {
    outbox.put({
      organizationId: ticket.organization_id,
      ticketId: ticket.id,
      number: ticket.number,
      body,
      files,
      draftId,
      internal: note,
      expectedSeq: seenSeq(),
      thenStatus: resolve ? directory.solved : null,
      // A note can be seen by nobody who must not see it: there is nothing to take back.
      sendAt: Date.now() + (note ? 0 : UNDO_MS),
    });
    if (andNext) navigate(next);
    else onSent();
  };
  useImperativeHandle(handle, () => ({
    give: (begun, note) => {
      setGiven({ begun, internal: note });
      write(note);
    },
    send: (begun) => send({ ...begun, resolve: false, next: false }, false),
  }));
  useCommands(
    mayWrite
      ? [
          {
            id: "composer.reply",
            label: t("writeReply"),
            keys: "r",
            group: t("group"),
            run: () => write(false),
          },
          {
            id: "composer.note",
            label: t("writeNote"),
            keys: "n",
            group: t("group"),
            run: () => write(true),
          },
        ]
      : [],
  );
  if (!mayWrite) return atLeast("agent") ? null : <p className={styles.reading}>{t("notYours")}</p>;
  const tab = (note: boolean) => (
    <button type="button" className={styles.tab} aria-pressed={internal === note} onClick={() => write(note)}>
      {note ? t("note") : t("reply")} <kbd>{note ? "n" : "r"}</kbd>
    </button>
  );
  return (
    <section className={styles.composer} aria-label={t("composer")} data-note={internal || undefined}>
      <div className={styles.tabs}>
        {tab(false)}
        {tab(true)}
        {!internal && ticket.contact && (
          <span className={styles.to}>
            {t("replyTo", { name: ticket.contact.name || ticket.contact.email || "" })}
          </span>
        )}
      </div>
      <Writer
        key={internal ? "note" : "reply"}
        ticket={ticket}
        internal={internal}
        directory={directory}
        given={given && given.internal === internal ? given.begun : null}
        onGivenTaken={() => setGiven(null)}
        onSend={(sending) => send(sending, internal)}
        onTyping={onTyping}
        wish={wish}
        tools={<MacroMenu ticket={ticket} seenSeq={seenSeq} />}
      />
    </section>
  );
}
