/** What is on its way, at the end of the thread: it can be taken back, and what has failed can be tried again. */
import { Avatar, Button } from "@kit/ui";
import { LoaderCircle, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { type Outgoing, UNDO_MS } from "../composer/outbox";
import { useOutbox } from "../composer/use_outbox";
import { useComposerWords } from "../composer/words";
import styles from "./message.module.css";
import own from "./outgoing_item.module.css";
import { Text } from "./text_body";

export function OutgoingItem({
  entry,
  name,
  avatar,
  seenSeq,
  newestSeq,
  onShowNew,
}: {
  entry: Outgoing;
  name: string;
  avatar: string | null;
  seenSeq: () => number;
  /** Of what the contact can see. */
  newestSeq: number;
  onShowNew: () => void;
}) {
  const t = useComposerWords();
  const outbox = useOutbox();
  const edit = () => outbox.take(entry.id);
  const problem =
    entry.problem === "offline"
      ? t("offline")
      : entry.problem === "left"
        ? t("left")
        : t("failed", { problem: entry.problem ?? "" });
  return (
    <article
      className={styles.message}
      data-side="desk"
      data-note={entry.internal || undefined}
      aria-label={name}
      aria-busy={entry.state === "sending" || undefined}
    >
      <div className={styles.face}>
        <Avatar name={name} url={avatar} size={32} />
      </div>
      <div className={styles.body}>
        <header className={styles.head}>
          <span className={styles.name}>{name}</span>
        </header>
        <div className={styles.bubble} data-pending={entry.state}>
          <div className={styles.text} dir="auto">
            <Text text={entry.body} withMentions={entry.internal} />
          </div>
          {entry.files.length > 0 && (
            <p className={own.files}>{entry.files.map((file) => file.name).join(", ")}</p>
          )}
        </div>
        <div className={own.state} role="status" data-state={entry.state}>
          {entry.state === "waiting" && (
            <>
              <Countdown until={entry.sendAt} /> {t("waiting")}
              <Button small onClick={edit}>
                {t("undo")}
              </Button>
            </>
          )}
          {(entry.state === "sending" || entry.state === "sent") && (
            <>
              <LoaderCircle className={own.turning} aria-hidden size={14} /> {t("sending")}
            </>
          )}
          {entry.state === "refused" && (
            <>
              <TriangleAlert aria-hidden size={16} />
              <span>
                {t("refused")} {t("refusedHint")}
              </span>
              {seenSeq() > entry.expectedSeq && seenSeq() >= newestSeq ? (
                <Button small look="primary" onClick={() => outbox.again(entry.id, seenSeq())}>
                  {t("sendAnyway")}
                </Button>
              ) : (
                <Button small look="primary" onClick={onShowNew}>
                  {t("showNew")}
                </Button>
              )}
              <Button small onClick={edit}>
                {t("edit")}
              </Button>
            </>
          )}
          {entry.state === "failed" && (
            <>
              <TriangleAlert aria-hidden size={16} />
              <span>{problem}</span>
              <Button small look="primary" onClick={() => outbox.again(entry.id)}>
                {t("again")}
              </Button>
              <Button small onClick={edit}>
                {t("edit")}
              </Button>
            </>
          )}
        </div>
      </div>
    </article>
  );
}

/** A ring that empties: how long it can be taken back. */
function Countdown({ until }: { until: number }) {
  const [left] = useState(() => Math.max(0, Math.min(UNDO_MS, until - Date.now())));
  const [isOver, setOver] = useState(left === 0);
  useEffect(() => {
    const timer = setTimeout(() => setOver(true), left);
    return () => clearTimeout(timer);
  }, [left]);
  if (isOver) return <LoaderCircle className={own.turning} aria-hidden size={14} />;
  return (
    <svg
      className={own.ring}
      viewBox="0 0 16 16"
      aria-hidden="true"
      style={{ animationDuration: `${left}ms` }}
    >
      <circle cx="8" cy="8" r="6" pathLength="100" style={{ animationDuration: `${left}ms` }} />
    </svg>
  );
}
