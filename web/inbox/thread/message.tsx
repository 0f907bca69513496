/** One message: who wrote it, to whom it can be seen, what it says and what came with it. */
import { useTimes } from "@kit/i18n/time";
import { Avatar, Badge, Button, Skeleton } from "@kit/ui";
import { Bot, ImageOff, Lock, Sparkles, TriangleAlert } from "lucide-react";
import { lazy, memo, type ReactNode, Suspense, useMemo, useState } from "react";
import { contentIdOf } from "./attachment";
import { Attachments } from "./attachments";
import type { FileUrls } from "./files";
import styles from "./message.module.css";
import type { Message } from "./messages";
import { TextBody } from "./text_body";
import { useThreadWords } from "./words";

const loadFrame = () => import("@kit/html/mail_frame");
const MailFrame = lazy(async () => ({ default: (await loadFrame()).MailFrame }));
/** Called as soon as a ticket is opened, while its messages are on their way. */
export const prepareMail = () => void loadFrame();

/** Messages whose remote pictures were allowed, until the page is left. */
const allowed = new Set<string>();

type Props = {
  message: Message;
  name: string;
  avatar: string | null;
  isOwn: boolean;
  isContinued: boolean;
  urls: FileUrls;
  /** What stands below it, of an answer by the AI: what it rests on. */
  below?: ReactNode;
};

export const MessageItem = memo(function MessageItem({
  message,
  name,
  avatar,
  isOwn,
  isContinued,
  urls,
  below,
}: Props) {
  const t = useThreadWords();
  const times = useTimes();
  const { attachments } = message;
  const inMail = useMemo(() => (message.body_html ? namedIn(message.body_html) : EMPTY), [message.body_html]);
  const apart = attachments.filter((file) => !inMail.has(contentIdOf(file) ?? ""));
  return (
    <article
      className={styles.message}
      data-side={message.sender === "contact" ? "contact" : "desk"}
      data-note={message.is_internal || undefined}
      data-continued={isContinued || undefined}
      data-seq={message.seq}
      data-mine={isOwn || undefined}
      aria-label={name}
    >
      <div className={styles.face}>
        {!isContinued &&
          (message.sender === "ai" ? (
            <span className={styles.bot} aria-hidden>
              <Sparkles />
            </span>
          ) : (
            <Avatar name={name} url={avatar} size={32} />
          ))}
      </div>
      <div className={styles.body}>
        {!isContinued && (
          <header className={styles.head}>
            <span className={styles.name}>{name}</span>
            {message.is_internal && (
              <span className={styles.noteMark} title={t("noteHint")}>
                <Lock aria-hidden /> {t("note")}
              </span>
            )}
            {message.is_machine && (
              <Badge>
                <Bot aria-hidden size={12} /> {t("machine")}
              </Badge>
            )}
            <time dateTime={message.created_at} title={times.full(message.created_at)}>
              {times.clock(message.created_at)}
            </time>
          </header>
        )}
        {message.sender_status === "pending" && (
          <p className={styles.warning}>
            <TriangleAlert aria-hidden size={16} /> {t("pending")}
          </p>
        )}
        <div className={styles.bubble} data-own={isOwn || undefined}>
          {message.body_html ? (
            <Mail message={message} name={name} urls={urls} />
          ) : (
            <TextBody text={message.body_text} fresh={message.reply_text} isNote={message.is_internal} />
          )}
          <Attachments files={apart} urls={urls} />
        </div>
        {below}
      </div>
    </article>
  );
});

function Mail({ message, name, urls }: { message: Message; name: string; urls: FileUrls }) {
  const t = useThreadWords();
  const [remote, setRemote] = useState(() => allowed.has(message.id));
  const [blocked, setBlocked] = useState(0);
  const own = message.attachments
    .map((file) => [contentIdOf(file), urls.get(file.storage_path)] as const)
    .filter((each): each is readonly [string, string] => each[0] !== null && each[1] !== undefined);
  const named = own.flat().join(" ");
  // biome-ignore lint/correctness/useExhaustiveDependencies: `named` says all that is in `own`
  const pictures = useMemo(() => new Map(own), [named]);
  return (
    <>
      {blocked > 0 && !remote && (
        <div className={styles.remote}>
          <ImageOff aria-hidden size={16} />
          <span>{t("remoteBlocked", { count: blocked })}</span>
          <Button
            small
            onClick={() => {
              allowed.add(message.id);
              setRemote(true);
            }}
          >
            {t("loadRemote")}
          </Button>
        </div>
      )}
      <Suspense fallback={<Skeleton lines={3} />}>
        <MailFrame
          className={styles.frame}
          html={message.body_html ?? ""}
          fresh={message.reply_text}
          pictures={pictures}
          remote={remote}
          title={t("mailOf", { name })}
          quotesLabel={t("quotes")}
          onRemotePictures={setBlocked}
        />
      </Suspense>
    </>
  );
}

const EMPTY: ReadonlySet<string> = new Set();

/** Content ids that a mail shows in its text: those files need no place of their own. */
function namedIn(html: string): ReadonlySet<string> {
  return new Set([...html.matchAll(/["']cid:([^"']+)["']/gi)].map((found) => (found[1] ?? "").toLowerCase()));
}
