import { Select, TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { useLinks } from "../links";
import { useMembers } from "../people";
import { useRowForm } from "../row_form";
import { useRows } from "../rows";
import { SeveralField } from "../several";
import { useSettingsWords } from "../words";
import { ASSIGNMENTS, type Team } from "./page";
import { useTeamWords } from "./words";

export function TeamEditor({ team, onClose }: { team: Team | null; onClose: () => void }) {
  const t = useTeamWords();
  const ts = useSettingsWords();
  const { data: people } = useMembers();
  const { data: skills } = useRows("skills", ["name"]);
  const { data: calendars } = useRows("calendars", ["name"]);
  const members = useLinks("team_members", "team_id", "user_id", team?.id);
  const known = useLinks("team_skills", "team_id", "skill_id", team?.id);
  const { value, set, isDirty, saving } = useRowForm({
    table: "teams",
    row: team,
    fresh: { name: "" },
    after: async (kept) => {
      await members.save(kept.id);
      await known.save(kept.id);
    },
    onSaved: onClose,
  });
  return (
    <EditDialog
      title={team ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty || members.isDirty || known.isDirty}
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
      {team && (
        <>
          <Select
            label={t("assignment")}
            hint={t("assignmentHint")}
            value={value.assignment}
            onChange={(event) => set("assignment", event.target.value)}
          >
            {ASSIGNMENTS.map((each) => (
              <option key={each} value={each}>
                {t(each)}
              </option>
            ))}
          </Select>
          <Select
            label={t("calendar")}
            value={value.calendar_id ?? ""}
            onChange={(event) => set("calendar_id", event.target.value || null)}
          >
            <option value="">{t("default")}</option>
            {calendars?.map((calendar) => (
              <option key={calendar.id} value={calendar.id}>
                {calendar.name}
              </option>
            ))}
          </Select>
        </>
      )}
      <SeveralField
        label={t("members")}
        choices={(people ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        chosen={members.chosen}
        onChange={members.set}
      />
      {skills && skills.length > 0 && (
        <SeveralField
          label={t("skills")}
          hint={t("skillsHint")}
          choices={skills.map(({ id, name }) => ({ value: id, label: name }))}
          chosen={known.chosen}
          onChange={known.set}
        />
      )}
    </EditDialog>
  );
}
