import { Checkbox, Select, TextField } from "@kit/ui";
import { useState } from "react";
import { ALWAYS, type Condition, isUnfinished } from "../../conditions/conditions";
import { ConditionsEditor } from "../../conditions/editor";
import { useConditionWords } from "../../conditions/words";
import { EditDialog } from "../edit_dialog";
import layout from "../layout.module.css";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import type { Policy, Target } from "./page";
import { METRICS, type Promised, Targets } from "./targets";
import { useSlaWords } from "./words";

export function PolicyEditor({
  policy,
  targets,
  position,
  onClose,
}: {
  policy: Policy | null;
  targets: Target[];
  position: number;
  onClose: () => void;
}) {
  const t = useSlaWords();
  const ts = useSettingsWords();
  const tc = useConditionWords();
  const { data: calendars } = useRows("calendars", ["name"]);
  const targetRows = useTable("sla_targets");
  const [written, setWritten] = useState<Promised[] | null>(null);
  const { value, set, isDirty, saving } = useRowForm({
    table: "sla_policies",
    row: policy,
    fresh: {
      name: "",
      position,
      conditions: ALWAYS,
      calendar_id: null,
      warn_after: 0.75,
      pauses_while_waiting: true,
      ai_counts: true,
      is_active: true,
    },
    before: async ({ conditions }) => {
      if (isUnfinished(conditions as Condition)) throw new Error(tc("unfinished"));
    },
    after: async ({ id }) => {
      for (const each of written ?? []) {
        const { priority, ...spans } = each;
        const isThere = targets.some((target) => target.priority === priority);
        const isAny = METRICS.some((metric) => spans[metric] !== null);
        if (isThere && isAny) await targetRows.change({ policy_id: id, priority }, spans);
        else if (isThere) await targetRows.remove({ policy_id: id, priority });
        else if (isAny) await targetRows.add({ ...each, policy_id: id });
      }
    },
    onSaved: onClose,
  });
  return (
    <EditDialog
      wide
      title={policy ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty || written !== null}
      onClose={onClose}
    >
      <TextField
        label={ts("name")}
        required
        maxLength={100}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <ConditionsEditor
        label={t("conditions")}
        value={value.conditions as Condition}
        error={saving.at("conditions")}
        onChange={(conditions) => set("conditions", conditions)}
      />
      <Targets kept={targets} written={written} onChange={setWritten} />
      <div className={layout.columns}>
        <Select
          label={t("calendar")}
          value={value.calendar_id ?? ""}
          onChange={(event) => set("calendar_id", event.target.value || null)}
        >
          <option value="">{t("ofTeam")}</option>
          {calendars?.map((calendar) => (
            <option key={calendar.id} value={calendar.id}>
              {calendar.name}
            </option>
          ))}
        </Select>
        <TextField
          label={t("warn")}
          hint={t("percent")}
          type="number"
          min={1}
          max={99}
          value={Math.round(value.warn_after * 100)}
          error={saving.at("warn_after")}
          onChange={(event) => set("warn_after", (event.target.valueAsNumber || 0) / 100)}
        />
      </div>
      <Checkbox
        label={t("pauses")}
        checked={value.pauses_while_waiting}
        onChange={(event) => set("pauses_while_waiting", event.target.checked)}
      />
      <Checkbox
        label={t("ai")}
        checked={value.ai_counts}
        onChange={(event) => set("ai_counts", event.target.checked)}
      />
      <Checkbox
        label={t("active")}
        checked={value.is_active}
        onChange={(event) => set("is_active", event.target.checked)}
      />
    </EditDialog>
  );
}
