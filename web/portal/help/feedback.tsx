/** Did it help? Anybody may say; they may say why, and change their mind. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, TextArea } from "@kit/ui";
import { useMutation } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import { type FormEvent, useState } from "react";
import styles from "./feedback.module.css";
import { readerId } from "./reader";
import { useHelpWords } from "./words";

export function Feedback({ articleId }: { articleId: string }) {
  const t = useHelpWords();
  const client = useClient();
  const [helped, setHelped] = useState<boolean | null>(null);
  const [isDone, setDone] = useState(false);
  const [comment, setComment] = useState("");
  const say = useMutation({
    mutationFn: ({ helpful, why }: { helpful: boolean; why: string }) =>
      ok(client.rpc("rate_article", { article_id: articleId, helpful, comment: why, reader: readerId() })),
  });

  const choose = (helpful: boolean) => {
    setHelped(helpful);
    say.mutate({ helpful, why: "" }, { onSuccess: () => setDone(helpful), onError: () => setHelped(null) });
  };
  const explain = (event: FormEvent) => {
    event.preventDefault();
    say.mutate({ helpful: false, why: comment }, { onSuccess: () => setDone(true) });
  };

  return (
    <section className={styles.feedback} aria-label={t("helped")}>
      <div className={styles.question}>
        <h2>{t("helped")}</h2>
        <Button aria-pressed={helped === true} onClick={() => choose(true)}>
          <ThumbsUp aria-hidden size={16} /> {t("yes")}
        </Button>
        <Button aria-pressed={helped === false} onClick={() => choose(false)}>
          <ThumbsDown aria-hidden size={16} /> {t("no")}
        </Button>
      </div>
      {helped === false && !isDone && (
        <form onSubmit={explain} className={styles.why}>
          <TextArea
            label={t("sorry")}
            rows={3}
            maxLength={4000}
            dir="auto"
            value={comment}
            onChange={(event) => setComment(event.target.value)}
          />
          <Button type="submit" busy={say.isPending} disabled={!comment.trim()}>
            {t("send")}
          </Button>
        </form>
      )}
      <p role="status" className={styles.thanks}>
        {isDone && t("thanks")}
      </p>
      {say.error && (
        <p role="alert" className={styles.problem}>
          {t("notSaved", { problem: problemOf(say.error).message })}
        </p>
      )}
    </section>
  );
}
