import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Select, TextField } from "@kit/ui";
import { useOrganization } from "../../shell/organization";
import { EditDialog } from "../edit_dialog";
import { useDraft, useSaving } from "../form";
import { SeveralField } from "../several";
import { useApiKeyWords } from "./words";

/** As docs/api-keys.md lists them. */
const SCOPES = [
  "tickets:read",
  "tickets:write",
  "mail:send",
  "contacts:read",
  "contacts:write",
  "knowledge:read",
  "knowledge:write",
  "organization:read",
  "events:read",
  "webhooks:manage",
] as const;
/** Never above its maker's own; only admins come here. */
const ROLES = ["viewer", "agent", "manager", "admin"] as const;
type Fresh = { name: string; scopes: string[]; role: (typeof ROLES)[number]; expires_on: string };
const FRESH: Fresh = { name: "", scopes: [], role: "agent", expires_on: "" };

export function KeyEditor({ onClose, onMade }: { onClose: () => void; onMade: (secret: string) => void }) {
  const t = useApiKeyWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const { value, set, isDirty } = useDraft<Fresh>(FRESH);
  const saving = useSaving(async () => {
    const made = await ok(
      client.rpc("create_api_key", {
        organization_id,
        name: value.name,
        scopes: value.scopes,
        role: value.role,
        ...(value.expires_on ? { expires_at: new Date(`${value.expires_on}T23:59:59`).toISOString() } : {}),
      }),
    );
    onMade((made as Row<"api_keys"> & { secret: string }).secret);
  }, ["name", "scopes", "role", "expires_at"]);
  const isReady = isDirty && value.name.trim() !== "" && value.scopes.length > 0;
  return (
    <EditDialog wide title={t("add")} label={t("make")} saving={saving} isDirty={isReady} onClose={onClose}>
      <TextField
        label={t("name")}
        hint={t("nameHint")}
        required
        maxLength={100}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <SeveralField
        label={t("scopes")}
        hint={t("scopesHint")}
        choices={SCOPES.map((scope) => ({ value: scope, label: scope }))}
        chosen={value.scopes}
        onChange={(scopes) => set("scopes", scopes)}
      />
      <Select
        label={t("role")}
        hint={t("roleHint")}
        value={value.role}
        error={saving.at("role")}
        onChange={(event) => set("role", event.target.value as Fresh["role"])}
      >
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {t(role)}
          </option>
        ))}
      </Select>
      <TextField
        label={t("expires")}
        hint={t("expiresHint")}
        type="date"
        value={value.expires_on}
        error={saving.at("expires_at")}
        onChange={(event) => set("expires_on", event.target.value)}
      />
    </EditDialog>
  );
}
