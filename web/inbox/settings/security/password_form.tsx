import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { TextField, useToast } from "@kit/ui";
import { useState } from "react";
import { Form, useSaving } from "../form";
import { useSettingsWords } from "../words";
import { useSecurityWords } from "./words";

const LEAST_LETTERS = 8;

export function PasswordForm() {
  const t = useSecurityWords();
  const ts = useSettingsWords();
  const client = useClient();
  const toast = useToast();
  const { email } = useUser();
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const saving = useSaving(async () => {
    await ok(client.auth.updateUser({ password }));
    setPassword("");
    setAgain("");
    toast(ts("saved"));
  });
  const isDifferent = again !== "" && again !== password;
  return (
    <Form saving={saving} isDirty={password !== "" && again === password} label={t("change")}>
      <input type="email" autoComplete="username" value={email} readOnly hidden />
      <TextField
        label={t("newPassword")}
        type="password"
        autoComplete="new-password"
        required
        minLength={LEAST_LETTERS}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <TextField
        label={t("again")}
        type="password"
        autoComplete="new-password"
        required
        value={again}
        error={isDifferent ? t("different") : undefined}
        onChange={(event) => setAgain(event.target.value)}
      />
    </Form>
  );
}
