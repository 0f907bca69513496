import { useTimes } from "@kit/i18n/time";
import { partsOf, piecesOf } from "@kit/text/pieces";
import { Avatar } from "@kit/ui";
import { Sparkles } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Me } from "../account/for_contacts";
import { useCentre } from "../shell/centre";
import { FileList } from "./file_list";
import type { Message } from "./messages";
import styles from "./ticket.module.css";
import { useTicketWords } from "./words";

/** `children`: what hangs on the message, as a form to fill in. */
export function MessageItem({ message, me, children }: { message: Message; me: Me; children?: ReactNode }) {
  const times = useTimes();
  const name = useName(message, me);
  const isMine = message.contact_id === me.contactId;
  return (
    <li className={styles.message} data-mine={isMine || undefined} data-sender={message.sender}>
      <div className={styles.face}>
        {message.sender === "ai" ? (
          <span className={styles.bot} aria-hidden>
            <Sparkles />
          </span>
        ) : (
          <Avatar name={name} size={32} />
        )}
      </div>
      <div className={styles.body}>
        <div className={styles.who}>
          <strong>{name}</strong>
          <time dateTime={message.created_at} title={times.full(message.created_at)}>
            {times.relative(message.created_at)}
          </time>
        </div>
        <Words text={message.body_text} fresh={message.reply_text} />
        <FileList files={message.attachments} />
        {children}
      </div>
    </li>
  );
}

function useName({ sender, contact_id, authors }: Message, me: Me): string {
  const t = useTicketWords();
  const { name } = useCentre();
  if (sender === "contact") return contact_id === me.contactId ? t("you") : me.email;
  if (sender === "ai") return t("assistant");
  return authors?.name || t("team", { name });
}

/** What was said; what a mail repeats of earlier ones is shown when asked for. */
function Words({ text, fresh }: { text: string; fresh: string | null }) {
  const t = useTicketWords();
  const [isWhole, setWhole] = useState(false);
  const parts = partsOf(text, fresh);
  return (
    <div className={styles.words} dir="auto">
      {piecesOf(parts.fresh, false).map((piece, index) => {
        const key = index;
        return piece.kind === "link" ? (
          <a key={key} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
            {piece.text}
          </a>
        ) : (
          <span key={key}>{piece.text}</span>
        );
      })}
      {parts.quoted && !isWhole && (
        <button type="button" className={styles.more} onClick={() => setWhole(true)}>
          {t("whole")}
        </button>
      )}
      {parts.quoted && isWhole && <div className={styles.quoted}>{parts.quoted}</div>}
    </div>
  );
}
