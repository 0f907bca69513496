/** A field whose values are encrypted: whether there is one is known to all, what it is only to who asks, and that is noted. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { callFunction } from "@kit/api/functions";
import { Button, Dialog, IconButton, TextField, useToast } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { Eye, EyeOff, Pencil } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useOrganization } from "../shell/organization";
import { useRefreshContact } from "./contact";
import type { Definition } from "./custom_fields";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

export function SensitiveField({ contactId, field }: { contactId: string; field: Definition }) {
  const t = useContactWords();
  const client = useClient();
  const toast = useToast();
  const { atLeast, organization_id } = useOrganization();
  const [shown, setShown] = useState<string>();
  const [edits, setEdits] = useState(false);
  const kept = useQuery({
    queryKey: ["contact", contactId, "sensitive"],
    queryFn: () =>
      ok(
        client
          .from("sensitive_fields")
          .select("field_id")
          .eq("organization_id", organization_id)
          .eq("contact_id", contactId),
      ),
  });
  const has = kept.data?.some(({ field_id }) => field_id === field.id) ?? false;
  const mayOpen = atLeast("agent");
  const path = `contacts/${contactId}/sensitive-fields/${field.key}`;
  const show = async () => {
    try {
      const { value } = await callFunction<{ value: string | null }>(client, path, { method: "GET" });
      setShown(value ?? "");
    } catch (error) {
      toast(t("unreadable", { problem: problemOf(error).message }), { tone: "danger" });
    }
  };
  return (
    <>
      <dt>{field.label}</dt>
      <dd className={styles.row}>
        <span title={has ? t("hidden") : undefined} />
        <span className={has ? undefined : styles.muted}>{shown ?? (has ? "••••••••" : t("empty"))}</span>
        {mayOpen && has && (
          <IconButton
            small
            label={t(shown === undefined ? "show" : "hide", { field: field.label })}
            onClick={() => (shown === undefined ? void show() : setShown(undefined))}
          >
            {shown === undefined ? <Eye /> : <EyeOff />}
          </IconButton>
        )}
        {mayOpen && (
          <IconButton small label={t("setValue", { field: field.label })} onClick={() => setEdits(true)}>
            <Pencil />
          </IconButton>
        )}
        {edits && (
          <SetValue
            path={path}
            contactId={contactId}
            label={field.label}
            has={has}
            onClose={() => {
              setEdits(false);
              setShown(undefined);
            }}
          />
        )}
      </dd>
    </>
  );
}

type SetProps = { path: string; contactId: string; label: string; has: boolean; onClose: () => void };

function SetValue({ path, contactId, label, has, onClose }: SetProps) {
  const t = useContactWords();
  const client = useClient();
  const refresh = useRefreshContact();
  const [value, setValue] = useState("");
  const [problem, setProblem] = useState<string>();
  const keep = async (next: string | null) => {
    try {
      await callFunction(client, path, { method: "POST", body: { value: next } });
      refresh(contactId);
      onClose();
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void keep(value.trim());
  };
  return (
    <Dialog title={t("setValue", { field: label })} onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <TextField
          label={label}
          hint={t("hidden")}
          error={problem}
          value={value}
          required
          autoComplete="off"
          onChange={({ target }) => setValue(target.value)}
        />
        <div className={styles.end}>
          {has && (
            <Button look="danger" onClick={() => void keep(null)}>
              {t("removeValue")}
            </Button>
          )}
          <Button look="primary" type="submit">
            {t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
