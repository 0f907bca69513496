import type { Row } from "@kit/api/client";
import { Badge, Select, TextField } from "@kit/ui";
import { useCategoryWords } from "../categories/words";
import { EditDialog } from "../edit_dialog";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";

type Status = Row<"ticket_statuses">;
const GROUPS = ["open", "waiting", "resolved"] as const;
const TONES = { open: "accent", waiting: "warning", resolved: "success" } as const;

export function Page() {
  const t = useCategoryWords();
  const ts = useSettingsWords();
  const statuses = useRows("ticket_statuses", ["position", "key"]);
  const table = useTable("ticket_statuses");
  const last = Math.max(0, ...(statuses.data ?? []).map((status) => status.position));
  return (
    <RecordsPage<Status>
      title={ts("statuses")}
      intro={t("statusesIntro")}
      query={statuses}
      keyOf={(status) => status.key}
      nameOf={(status) => status.name}
      about={(status) => status.key}
      aside={(status) => <Badge tone={TONES[status.category]}>{t(status.category)}</Badge>}
      addLabel={t("addStatus")}
      empty={t("empty")}
      editor={(status, close) => <StatusEditor status={status} position={last + 1} onClose={close} />}
      remove={(status) => table.remove({ key: status.key })}
      onOrder={(next) => table.order(next, "key")}
    />
  );
}

function StatusEditor({
  status,
  position,
  onClose,
}: {
  status: Status | null;
  position: number;
  onClose: () => void;
}) {
  const t = useCategoryWords();
  const ts = useSettingsWords();
  const { value, set, isDirty, saving } = useRowForm({
    table: "ticket_statuses",
    row: status,
    fresh: { key: "", name: "", category: "open", position },
    keyOf: ({ key }) => ({ key }),
    onSaved: onClose,
  });
  return (
    <EditDialog
      title={status ? t("status") : t("addStatus")}
      saving={saving}
      isDirty={isDirty}
      onClose={onClose}
    >
      <TextField
        label={ts("name")}
        required
        maxLength={60}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <TextField
        label={t("key")}
        hint={t("keyHint")}
        required
        readOnly={status !== null}
        value={value.key}
        error={saving.at("key")}
        onChange={(event) => set("key", event.target.value)}
      />
      <Select
        label={t("group")}
        hint={t("groupHint")}
        value={value.category}
        error={saving.at("category")}
        onChange={(event) => set("category", event.target.value as Status["category"])}
      >
        {GROUPS.map((group) => (
          <option key={group} value={group}>
            {t(group)}
          </option>
        ))}
      </Select>
    </EditDialog>
  );
}
