import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Button, Select, useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useOrganization } from "../../shell/organization";
import { ConfirmDialog } from "../edit_dialog";
import styles from "../layout.module.css";
import { useMembers } from "../people";
import { useOrganizationWords } from "./words";

export function Ownership() {
  const t = useOrganizationWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { id: me } = useUser();
  const { organization_id } = useOrganization();
  const others = (useMembers().data ?? []).filter((person) => person.id !== me);
  const [chosen, setChosen] = useState("");
  const [isAsking, setAsking] = useState(false);
  const heir = others.find((person) => person.id === chosen);
  return (
    <div className={styles.inline}>
      <Select label={t("newOwner")} value={chosen} onChange={(event) => setChosen(event.target.value)}>
        <option value="">{t("choose")}</option>
        {others.map((person) => (
          <option key={person.id} value={person.id}>
            {person.name}
          </option>
        ))}
      </Select>
      <Button look="danger" disabled={!heir} onClick={() => setAsking(true)}>
        {t("transfer")}
      </Button>
      {isAsking && heir && (
        <ConfirmDialog
          title={t("transferTitle", { name: heir.name })}
          action={t("transfer")}
          onConfirm={async () => {
            await ok(client.rpc("transfer_ownership", { organization_id, user_id: heir.id }));
            toast(t("transferred", { name: heir.name }));
            void queries.invalidateQueries({ queryKey: ["memberships"] });
            void queries.invalidateQueries({ queryKey: ["members", organization_id] });
          }}
          onClose={() => setAsking(false)}
        >
          <p>{t("transferText")}</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
