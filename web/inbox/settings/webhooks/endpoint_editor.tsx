import { useClient } from "@kit/api/client";
import { callFunction } from "@kit/api/functions";
import { Checkbox, TextField, useToast } from "@kit/ui";
import { useOrganization } from "../../shell/organization";
import { EditDialog } from "../edit_dialog";
import { useDraft, useSaving } from "../form";
import { useTable } from "../rows";
import { useSettingsWords } from "../words";
import { EventFilter } from "./event_filter";
import type { Endpoint } from "./webhooks";
import { useWebhookWords } from "./words";

const FRESH = { url: "", description: "", event_types: ["*"], is_ordered: false, has_data: false };

/** A new endpoint is made by a function, which makes its secret too. */
export function EndpointEditor({
  endpoint,
  onClose,
  onMade,
}: {
  endpoint: Endpoint | null;
  onClose: () => void;
  onMade: (secret: string) => void;
}) {
  const t = useWebhookWords();
  const ts = useSettingsWords();
  const client = useClient();
  const toast = useToast();
  const { organization_id } = useOrganization();
  const table = useTable("webhook_endpoints");
  const { value, changes, set, isDirty } = useDraft<typeof FRESH>(endpoint ?? FRESH);
  const saving = useSaving(async () => {
    if (endpoint) {
      await table.change({ id: endpoint.id }, changes);
      toast(ts("saved"));
      onClose();
      return;
    }
    const made = await callFunction<{ secret: string }>(client, "webhooks/endpoints", {
      method: "POST",
      body: { ...value, organization_id },
    });
    await table.changed();
    onMade(made.secret);
  }, ["url", "description", "event_types"]);
  return (
    <EditDialog
      wide
      title={endpoint ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty}
      label={endpoint ? undefined : t("make")}
      onClose={onClose}
    >
      <TextField
        label={t("url")}
        hint={t("urlHint")}
        type="url"
        dir="ltr"
        required
        maxLength={2_000}
        value={value.url}
        error={saving.at("url")}
        onChange={(event) => set("url", event.target.value.trim())}
      />
      <TextField
        label={t("description")}
        maxLength={500}
        value={value.description}
        error={saving.at("description")}
        onChange={(event) => set("description", event.target.value)}
      />
      <EventFilter
        value={value.event_types}
        error={saving.at("event_types")}
        onChange={(types) => set("event_types", types)}
      />
      <Checkbox
        label={t("hasData")}
        hint={t("hasDataHint")}
        checked={value.has_data}
        onChange={(event) => set("has_data", event.target.checked)}
      />
      <Checkbox
        label={t("isOrdered")}
        hint={t("isOrderedHint")}
        checked={value.is_ordered}
        onChange={(event) => set("is_ordered", event.target.checked)}
      />
    </EditDialog>
  );
}
