import { useUser } from "@kit/api/session";
import { Button, Select, TextField, useToast } from "@kit/ui";
import { type FormEvent, useState } from "react";
import { ROLES, type Role, useOrganization } from "../../shell/organization";
import { useSaving } from "../form";
import styles from "../layout.module.css";
import { useTable } from "../rows";
import { useMemberWords } from "./words";

export type Invited = Exclude<Role, "owner">;
export const INVITED = ROLES.filter((role): role is Invited => role !== "owner");

/** One line: an address and a role. The address stays until the invitation is there. */
export function InviteForm() {
  const t = useMemberWords();
  const toast = useToast();
  const { id: me } = useUser();
  const { atLeast } = useOrganization();
  const table = useTable("invitations");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Invited>("agent");
  const saving = useSaving(async () => {
    const wanted = email.trim().toLowerCase();
    await table.add({ email: wanted, role, invited_by: me });
    toast(t("invited", { email: wanted }));
    setEmail("");
  }, ["email", "role"]);
  const problem = saving.at("email") ?? saving.problem?.text;
  return (
    <form
      className={styles.inline}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void saving.run();
      }}
    >
      <div className={styles.grow}>
        <TextField
          label={t("email")}
          type="email"
          required
          autoComplete="off"
          value={email}
          error={problem}
          onChange={(event) => setEmail(event.target.value)}
        />
      </div>
      <Select label={t("role")} value={role} onChange={(event) => setRole(event.target.value as Invited)}>
        {INVITED.filter(atLeast).map((each) => (
          <option key={each} value={each}>
            {t(each)}
          </option>
        ))}
      </Select>
      <Button type="submit" look="primary" busy={saving.state === "busy"}>
        {t("invite")}
      </Button>
      <p className={styles.muted} style={{ flexBasis: "100%" }}>
        {t(`${role}Hint`)}
      </p>
    </form>
  );
}
