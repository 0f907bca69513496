import { Checkbox, Select, TextField } from "@kit/ui";
import { ALWAYS, type Condition, isUnfinished } from "../../conditions/conditions";
import { ConditionsEditor } from "../../conditions/editor";
import { useConditionWords } from "../../conditions/words";
import { EditDialog } from "../edit_dialog";
import styles from "../layout.module.css";
import { useMembers } from "../people";
import { useRowForm } from "../row_form";
import { useRows } from "../rows";
import { TagsField } from "../tags_field";
import { useSettingsWords } from "../words";
import type { Rule } from "./page";
import { useRoutingWords } from "./words";

export function RuleEditor({
  rule,
  position,
  onClose,
}: {
  rule: Rule | null;
  /** Of a new one. */
  position: number;
  onClose: () => void;
}) {
  const t = useRoutingWords();
  const ts = useSettingsWords();
  const tc = useConditionWords();
  const { data: teams } = useRows("teams", ["name"]);
  const { data: members } = useMembers();
  const { value, set, isDirty, saving } = useRowForm({
    table: "routing_rules",
    row: rule,
    fresh: {
      name: "",
      position,
      conditions: ALWAYS,
      team_id: null,
      assignee_id: null,
      priority: null,
      add_tags: [],
      is_final: true,
      is_active: true,
    },
    before: async ({ conditions }) => {
      if (isUnfinished(conditions as Condition)) throw new Error(tc("unfinished"));
    },
    onSaved: onClose,
  });
  return (
    <EditDialog wide title={rule ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
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
      <fieldset className={styles.fields}>
        <legend className={styles.legend}>{t("outcome")}</legend>
        <div className={styles.columns}>
          <Select
            label={t("team")}
            value={value.team_id ?? ""}
            onChange={(event) => set("team_id", event.target.value || null)}
          >
            <option value="">{t("unchanged")}</option>
            {teams?.map((team) => (
              <option key={team.id} value={team.id}>
                {team.name}
              </option>
            ))}
          </Select>
          <Select
            label={t("assignee")}
            value={value.assignee_id ?? ""}
            onChange={(event) => set("assignee_id", event.target.value || null)}
          >
            <option value="">{t("unchanged")}</option>
            {members?.map((person) => (
              <option key={person.id} value={person.id}>
                {person.name}
              </option>
            ))}
          </Select>
          <Select
            label={t("priority")}
            value={value.priority ?? ""}
            onChange={(event) => set("priority", (event.target.value || null) as typeof value.priority)}
          >
            <option value="">{t("unchanged")}</option>
            {(["low", "normal", "high", "urgent"] as const).map((priority) => (
              <option key={priority} value={priority}>
                {tc(`priority_${priority}`)}
              </option>
            ))}
          </Select>
        </div>
        <TagsField
          label={t("tags")}
          hint={t("tagsHint")}
          value={value.add_tags}
          error={saving.at("add_tags")}
          onChange={(tags) => set("add_tags", tags)}
        />
      </fieldset>
      <Checkbox
        label={t("final")}
        checked={value.is_final}
        onChange={(event) => set("is_final", event.target.checked)}
      />
      <Checkbox
        label={t("active")}
        checked={value.is_active}
        onChange={(event) => set("is_active", event.target.checked)}
      />
    </EditDialog>
  );
}
