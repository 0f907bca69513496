/** A message's text, with what it repeats of earlier ones folded away. */
import { partsOf, piecesOf } from "@kit/text/pieces";
import { Ellipsis } from "lucide-react";
import { useState } from "react";
import styles from "./message.module.css";
import { useThreadWords } from "./words";

export function TextBody({ text, fresh, isNote }: { text: string; fresh: string | null; isNote: boolean }) {
  const t = useThreadWords();
  const [open, setOpen] = useState(false);
  const parts = partsOf(text, fresh);
  return (
    <div className={styles.text} dir="auto">
      <Text text={parts.fresh} withMentions={isNote} />
      {parts.quoted && (
        <>
          <button
            type="button"
            className={styles.fold}
            aria-expanded={open}
            aria-label={t("showQuotes")}
            title={t("showQuotes")}
            onClick={() => setOpen(!open)}
          >
            <Ellipsis aria-hidden size={16} />
          </button>
          {open && (
            <div className={styles.quoted} dir="auto">
              <Text text={parts.quoted} withMentions={false} />
            </div>
          )}
        </>
      )}
    </div>
  );
}

export function Text({ text, withMentions }: { text: string; withMentions: boolean }) {
  return piecesOf(text, withMentions).map((piece, index) => {
    const key = index;
    if (piece.kind === "link")
      return (
        <a key={key} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
          {piece.text}
        </a>
      );
    if (piece.kind === "mention")
      return (
        <span key={key} className={styles.mention}>
          @{piece.text}
        </span>
      );
    return <span key={key}>{piece.text}</span>;
  });
}
