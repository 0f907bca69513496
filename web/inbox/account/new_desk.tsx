import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, TextField } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import styles from "./sign_in.module.css";
import { useAccountWords } from "./words";

/** "Kestrel Outdoor" is kestrel-outdoor, until somebody writes another. */
const slugOf = (name: string) =>
  name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63);

export function NewDesk({ onCancel }: { onCancel: (() => void) | undefined }) {
  const t = useAccountWords();
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [slug, setSlug] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const founded = await ok(client.rpc("create_organization", { name: name.trim(), slug }));
      await queries.invalidateQueries({ queryKey: ["memberships"] });
      await navigate(`/${founded.slug}`);
    } catch (problem) {
      const { code, message } = problemOf(problem);
      setError(code === "23505" ? t("taken") : message);
      setBusy(false);
    }
  };
  return (
    <form className={styles.code} onSubmit={submit}>
      <h2>{t("newDesk")}</h2>
      <TextField
        label={t("deskName")}
        required
        maxLength={200}
        value={name}
        onChange={(event) => {
          if (slug === slugOf(name)) setSlug(slugOf(event.target.value));
          setName(event.target.value);
        }}
      />
      <TextField
        label={t("deskAddress")}
        hint={t("deskAddressHint")}
        required
        pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
        value={slug}
        error={error}
        onChange={(event) => setSlug(event.target.value)}
      />
      <Button look="primary" type="submit" busy={busy}>
        {t("create")}
      </Button>
      {onCancel && (
        <Button look="quiet" onClick={onCancel}>
          {t("cancel")}
        </Button>
      )}
    </form>
  );
}
