/** The AI's draft above the composer: what it says, on what it rests, how sure it is; sent, edited or rejected by one key. */
import { useClient } from "@kit/api/client";
import { problemOf } from "@kit/api/errors";
import { Badge, Button, Dialog, IconButton, TextArea, useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, MessageSquareX, Pencil, Send, Sparkles, X } from "lucide-react";
import { useState } from "react";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { CitedText, Share } from "./cited_text";
import styles from "./draft.module.css";
import { type Draft, rejectDraft } from "./drafts";
import { useReasons } from "./reasons";
import { useDraftWords } from "./words";

type Props = {
  draft: Draft;
  ticketId: string;
  onAccept: () => void;
  onEdit: () => void;
};

export function DraftCard({ draft, ticketId, onAccept, onEdit }: Props) {
  const t = useDraftWords();
  const reasonOf = useReasons();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const mayDecide = useOrganization().atLeast("agent");
  const [gone, setGone] = useState(false);
  const [saying, setSaying] = useState(false);
  const [folded, setFolded] = useState(false);

  const reject = async (comment: string) => {
    setGone(true);
    setSaying(false);
    try {
      await rejectDraft(client, draft.id, comment);
      toast(t("rejected"));
    } catch (error) {
      setGone(false);
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    // No event tells of it.
    void queries.invalidateQueries({ queryKey: ["ticket", ticketId, "drafts"] });
  };

  const edit = () => {
    setFolded(true);
    onEdit();
  };

  useCommands(
    mayDecide && !gone
      ? [
          { id: "draft.accept", label: t("acceptCommand"), keys: "y", group: t("group"), run: onAccept },
          { id: "draft.edit", label: t("editCommand"), keys: "w", group: t("group"), run: edit },
          {
            id: "draft.reject",
            label: t("rejectCommand"),
            keys: "d",
            group: t("group"),
            run: () => void reject(""),
          },
        ]
      : [],
  );
  if (gone) return null;
  const isStale = draft.status === "stale";
  return (
    <section className={styles.card} aria-label={t("title")}>
      <header className={styles.head}>
        <Sparkles aria-hidden size={16} />
        <h2 className={styles.title}>{t("title")}</h2>
        <span title={t("sureHint")}>
          <Badge tone={draft.confidence >= 0.7 ? "success" : "warning"}>
            <Share label="sure" value={draft.confidence} />
          </Badge>
        </span>
        <span className={styles.how}>{t(draft.source === "model" ? "model" : "extract")}</span>
        <IconButton
          small
          label={folded ? t("showDraft") : t("hideDraft")}
          aria-expanded={!folded}
          onClick={() => setFolded(!folded)}
        >
          {folded ? <ChevronUp /> : <ChevronDown />}
        </IconButton>
      </header>
      {!folded && (
        <>
          {draft.reasons.length > 0 && (
            <p className={styles.why}>
              {t("why")}{" "}
              {draft.reasons.map((reason) => (
                <Badge key={reason}>{reasonOf(reason)}</Badge>
              ))}
            </p>
          )}
          {isStale && <p className={styles.stale}>{t("stale")}</p>}
          <CitedText body={draft.body_text} citations={draft.citations} />
          {mayDecide ? (
            <div className={styles.actions}>
              <Button small look="primary" onClick={onAccept}>
                <Send aria-hidden size={14} /> {t("accept")} <kbd>y</kbd>
              </Button>
              <Button small onClick={edit}>
                <Pencil aria-hidden size={14} /> {t("edit")} <kbd>w</kbd>
              </Button>
              <Button small look="quiet" onClick={() => void reject("")}>
                <X aria-hidden size={14} /> {t("reject")} <kbd>d</kbd>
              </Button>
              <IconButton small label={t("rejectWhy")} onClick={() => setSaying(true)}>
                <MessageSquareX />
              </IconButton>
            </div>
          ) : (
            <p className={styles.how}>{t("readOnly")}</p>
          )}
        </>
      )}
      {saying && <Why onClose={() => setSaying(false)} onSay={(comment) => void reject(comment)} />}
    </section>
  );
}

function Why({ onClose, onSay }: { onClose: () => void; onSay: (comment: string) => void }) {
  const t = useDraftWords();
  const [comment, setComment] = useState("");
  return (
    <Dialog title={t("rejectWhy")} onClose={onClose}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          onSay(comment.trim());
        }}
      >
        <TextArea
          label={t("comment")}
          hint={t("commentHint")}
          value={comment}
          maxLength={4000}
          required
          onChange={(event) => setComment(event.target.value)}
        />
        <Button type="submit" look="primary">
          {t("reject")}
        </Button>
      </form>
    </Dialog>
  );
}

/** Below an answer that the AI has sent by itself. */
export function SentBy({ draft }: { draft: Draft }) {
  const t = useDraftWords();
  const [open, setOpen] = useState(false);
  return (
    <div className={styles.sent}>
      <button type="button" className={styles.link} aria-expanded={open} onClick={() => setOpen(!open)}>
        {t("resting")} · <Share label="sure" value={draft.confidence} />
      </button>
      {open && <CitedText body={draft.body_text} citations={draft.citations} />}
    </div>
  );
}
