import { useClient } from "@kit/api/client";
import { isOffline, problemOf } from "@kit/api/errors";
import { Button, TextField } from "@kit/ui";
import { type FormEvent, useState } from "react";
import styles from "./sign_in.module.css";
import { useAccountWords } from "./words";

/** Six digits of an authenticator app. Right ones raise the session; `onVerified` is told. */
export function CodeForm({
  factorId,
  action,
  onVerified,
}: {
  factorId: string;
  action: string;
  onVerified: () => void;
}) {
  const t = useAccountWords();
  const client = useClient();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    setBusy(true);
    setError(undefined);
    const answer = await client.auth.mfa.challengeAndVerify({ factorId, code: code.replace(/\s/g, "") });
    setBusy(false);
    if (!answer.error) return onVerified();
    setError(
      isOffline(answer.error) || problemOf(answer.error).status === 429
        ? answer.error.message
        : t("wrongCode"),
    );
  };
  return (
    <form className={styles.code} onSubmit={submit}>
      <TextField
        label={t("code")}
        inputMode="numeric"
        autoComplete="one-time-code"
        pattern="[0-9 ]{6,7}"
        required
        autoFocus
        value={code}
        error={error}
        onChange={(event) => setCode(event.target.value)}
      />
      <Button look="primary" type="submit" busy={busy}>
        {action}
      </Button>
    </form>
  );
}
