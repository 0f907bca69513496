import { useClient } from "@kit/api/client";
import { problemOf } from "@kit/api/errors";
import { Button, TextField } from "@kit/ui";
import { type FormEvent, useState } from "react";
import styles from "./sign_in.module.css";
import { useAccountWords } from "./words";

/** By password or by a link. A second factor, where one is enrolled, is asked for by the shell. */
export function SignIn() {
  const client = useClient();
  const t = useAccountWords();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<{ error?: string; sent?: boolean }>({});

  async function attempt(run: () => Promise<{ error: unknown }>, sent = false) {
    setBusy(true);
    setTold({});
    const { error } = await run();
    setBusy(false);
    if (!error) setTold({ sent });
    else
      setTold({
        error: problemOf(error).code === "invalid_credentials" ? t("wrong") : problemOf(error).message,
      });
  }

  const submit = (event: FormEvent) => {
    event.preventDefault();
    void attempt(() => client.auth.signInWithPassword({ email, password }));
  };
  const sendLink = () =>
    attempt(
      () =>
        client.auth.signInWithOtp({
          email,
          options: { shouldCreateUser: false, emailRedirectTo: location.href },
        }),
      true,
    );

  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit}>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1>{t("title")}</h1>
        <TextField
          label={t("email")}
          type="email"
          autoComplete="username"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <TextField
          label={t("password")}
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={told.error}
        />
        <Button look="primary" type="submit" busy={busy}>
          {t("signIn")}
        </Button>
        <Button look="quiet" busy={busy} disabled={!email} onClick={sendLink}>
          {t("byLink")}
        </Button>
        {told.sent && <p role="status">{t("linkSent", { email })}</p>}
      </form>
    </main>
  );
}
