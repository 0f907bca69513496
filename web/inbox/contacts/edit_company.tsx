import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, Dialog, TextArea, TextField } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

type Props = {
  company?: { id: string; name: string; description: string };
  onClose: () => void;
  onMade?: (id: string) => void;
};

export function EditCompany({ company, onClose, onMade }: Props) {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const [name, setName] = useState(company?.name ?? "");
  const [description, setDescription] = useState(company?.description ?? "");
  const [problem, setProblem] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const columns = { name: name.trim(), description: description.trim() };
    try {
      const { id } = await ok(
        company
          ? client.from("companies").update(columns).eq("id", company.id).select("id").single()
          : client
              .from("companies")
              .insert({ ...columns, organization_id })
              .select("id")
              .single(),
      );
      void queries.invalidateQueries({ queryKey: ["companies", organization_id] });
      void queries.invalidateQueries({ queryKey: ["company", id] });
      onClose();
      onMade?.(id);
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <Dialog title={company ? company.name : t("newCompany")} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextField
          label={t("companyName")}
          value={name}
          required
          maxLength={200}
          error={problem}
          onChange={({ target }) => setName(target.value)}
        />
        <TextArea
          label={t("description")}
          value={description}
          onChange={({ target }) => setDescription(target.value)}
        />
        <div className={styles.end}>
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="primary" type="submit">
            {t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
