import type { Row } from "@kit/api/client";
import { TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { useLinks } from "../links";
import { useMembers } from "../people";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { SeveralField } from "../several";
import { useSettingsWords } from "../words";
import { useSkillWords } from "./words";

type Skill = Row<"skills">;

export function Page() {
  const t = useSkillWords();
  const ts = useSettingsWords();
  const skills = useRows("skills", ["name"]);
  const { data: known } = useRows("member_skills", ["user_id"]);
  const { data: people } = useMembers();
  const table = useTable("skills");
  const whoKnows = (skill: Skill) =>
    (known ?? [])
      .filter((each) => each.skill_id === skill.id)
      .flatMap(({ user_id }) => people?.find((person) => person.id === user_id)?.name ?? [])
      .join(", ");
  return (
    <RecordsPage<Skill>
      title={ts("skills")}
      intro={t("intro")}
      query={skills}
      keyOf={(skill) => skill.id}
      nameOf={(skill) => skill.name}
      about={(skill) => whoKnows(skill) || t("nobody")}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(skill, close) => <SkillEditor skill={skill} onClose={close} />}
      remove={(skill) => table.remove({ id: skill.id })}
    />
  );
}

function SkillEditor({ skill, onClose }: { skill: Skill | null; onClose: () => void }) {
  const t = useSkillWords();
  const ts = useSettingsWords();
  const { data: people } = useMembers();
  const members = useLinks("member_skills", "skill_id", "user_id", skill?.id);
  const { value, set, isDirty, saving } = useRowForm({
    table: "skills",
    row: skill,
    fresh: { name: "" },
    after: (kept) => members.save(kept.id),
    onSaved: onClose,
  });
  return (
    <EditDialog
      title={skill ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty || members.isDirty}
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
      <SeveralField
        label={t("who")}
        choices={(people ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        chosen={members.chosen}
        onChange={members.set}
      />
    </EditDialog>
  );
}
