import { useClient } from "@kit/api/client";
import { problemOf } from "@kit/api/errors";
import { Button, TextField } from "@kit/ui";
import { useState } from "react";
import { Card } from "./card";
import { useAccountWords } from "./words";

const LEAST_LETTERS = 8;

/** By password or by a link, or with a new account: an invitation may go to somebody who has none. A second factor, where
 *  one is enrolled, is asked for afterwards. */
export function SignIn() {
  const client = useClient();
  const t = useAccountWords();
  const isInvited = location.pathname.startsWith("/inbox/invitations/");
  const [isNew, setNew] = useState(false);
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<{ error?: string; done?: "linkSent" | "confirmSent" }>({});

  async function attempt(run: () => Promise<{ error: unknown }>, done?: "linkSent" | "confirmSent") {
    setBusy(true);
    setTold({});
    const { error } = await run();
    setBusy(false);
    if (!error) setTold(done ? { done } : {});
    else
      setTold({
        error: problemOf(error).code === "invalid_credentials" ? t("wrong") : problemOf(error).message,
      });
  }

  const back = { emailRedirectTo: location.href };
  const submit = () => {
    if (isNew) return attempt(() => client.auth.signUp({ email, password, options: back }), "confirmSent");
    return attempt(() => client.auth.signInWithPassword({ email, password }));
  };
  const sendLink = () =>
    attempt(
      () => client.auth.signInWithOtp({ email, options: { ...back, shouldCreateUser: isInvited } }),
      "linkSent",
    );

  return (
    <Card title={t(isNew ? "newTitle" : "title")} onSubmit={() => void submit()}>
      {isInvited && <p>{t("invitedHint")}</p>}
      <TextField
        label={t("email")}
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <TextField
        label={t(isNew ? "newPassword" : "password")}
        type="password"
        autoComplete={isNew ? "new-password" : "current-password"}
        required
        minLength={isNew ? LEAST_LETTERS : undefined}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        error={told.error}
      />
      <Button look="primary" type="submit" busy={busy}>
        {t(isNew ? "signUp" : "signIn")}
      </Button>
      {!isNew && (
        <Button look="quiet" busy={busy} disabled={!email} onClick={sendLink}>
          {t("byLink")}
        </Button>
      )}
      <Button look="quiet" onClick={() => setNew(!isNew)}>
        {t(isNew ? "toSignIn" : "toSignUp")}
      </Button>
      {told.done && <p role="status">{t(told.done, { email })}</p>}
    </Card>
  );
}
