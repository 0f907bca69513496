/** Signing in, and up: by a link to an address. It leads back to where it was asked for. */
import { useClient } from "@kit/api/client";
import { problemOf } from "@kit/api/errors";
import { Button, TextField } from "@kit/ui";
import { useMutation } from "@tanstack/react-query";
import { MailCheck } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useHref } from "react-router";
import styles from "./account.module.css";
import { useSession } from "./session";
import { useAccountWords } from "./words";

/** `backTo`: the address within the portal that the link opens. */
export function LinkForm({ backTo, intro }: { backTo: string; intro?: string }) {
  const t = useAccountWords();
  const client = useClient();
  const { arrival } = useSession();
  const target = `${location.origin}${useHref(backTo)}`;
  const [email, setEmail] = useState("");
  const send = useMutation({
    mutationFn: async () => {
      const { error } = await client.auth.signInWithOtp({
        email: email.trim(),
        options: { emailRedirectTo: target, shouldCreateUser: true },
      });
      if (error) throw error;
    },
  });
  const problem = send.error && problemOf(send.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!send.isPending) send.mutate();
  };

  if (send.isSuccess)
    return (
      <div className={styles.sent} role="status">
        <MailCheck aria-hidden />
        <h2>{t("sentTitle")}</h2>
        <p>{t("sent", { email: email.trim() })}</p>
        <div className={styles.actions}>
          <Button look="quiet" onClick={() => send.reset()}>
            {t("another")}
          </Button>
        </div>
      </div>
    );
  return (
    <form className={styles.form} onSubmit={submit}>
      <p className={styles.why}>{intro ?? t("why")}</p>
      {arrival === "failed" && (
        <p role="alert" className={styles.failed}>
          {t("failedLink")}
        </p>
      )}
      <TextField
        label={t("email")}
        type="email"
        name="email"
        autoComplete="email"
        required
        dir="ltr"
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        error={
          problem
            ? problem.status === 429
              ? t("tooOften")
              : t("failed", { problem: problem.message })
            : undefined
        }
      />
      <Button look="primary" type="submit" busy={send.isPending}>
        {t("sendLink")}
      </Button>
    </form>
  );
}
