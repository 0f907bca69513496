import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { TextField } from "@kit/ui";
import { useState } from "react";
import { EditDialog } from "../edit_dialog";
import { useSaving } from "../form";
import layout from "../layout.module.css";
import type { Endpoint } from "./webhooks";
import { useWebhookWords } from "./words";

/** Sends again what was to be told in a time, as the reader's clock has it. */
export function ReplayRange({
  endpoint,
  onReplayed,
  onClose,
}: {
  endpoint: Endpoint;
  onReplayed: (count: number) => void;
  onClose: () => void;
}) {
  const t = useWebhookWords();
  const client = useClient();
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const saving = useSaving(async () => {
    const count = await ok(
      client.rpc("replay_webhooks", {
        endpoint_id: endpoint.id,
        since: new Date(since).toISOString(),
        ...(until ? { until: new Date(until).toISOString() } : {}),
      }),
    );
    onReplayed(count);
    onClose();
  }, ["since", "until"]);
  return (
    <EditDialog
      title={t("replayRange")}
      label={t("sendAgain")}
      saving={saving}
      isDirty={since !== ""}
      onClose={onClose}
    >
      <p>{t("replayRangeText", { url: endpoint.url })}</p>
      <div className={layout.columns}>
        <TextField
          label={t("since")}
          type="datetime-local"
          required
          value={since}
          error={saving.at("since")}
          onChange={(event) => setSince(event.target.value)}
        />
        <TextField
          label={t("until")}
          hint={t("untilHint")}
          type="datetime-local"
          value={until}
          error={saving.at("until")}
          onChange={(event) => setUntil(event.target.value)}
        />
      </div>
    </EditDialog>
  );
}
