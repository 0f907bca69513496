import type { Row } from "@kit/api/client";
import { Badge } from "@kit/ui";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { TeamEditor } from "./team_editor";
import { useTeamWords } from "./words";

export type Team = Row<"teams">;
export const ASSIGNMENTS = ["manual", "round_robin", "least_loaded"] as const;

export function Page() {
  const t = useTeamWords();
  const ts = useSettingsWords();
  const teams = useRows("teams", ["name"]);
  const { data: memberships } = useRows("team_members", ["user_id"]);
  const { data: known } = useRows("team_skills", ["skill_id"]);
  const { data: skills } = useRows("skills", ["name"]);
  const table = useTable("teams");
  const countOf = (team: Team) => (memberships ?? []).filter((each) => each.team_id === team.id).length;
  return (
    <RecordsPage<Team>
      title={ts("teams")}
      intro={t("intro")}
      query={teams}
      keyOf={(team) => team.id}
      nameOf={(team) => team.name}
      about={(team) => {
        const how = ASSIGNMENTS.find((each) => each === team.assignment);
        return (
          <>
            {t("count", { count: countOf(team) })} · {how && t(how)}
          </>
        );
      }}
      aside={(team) =>
        (known ?? [])
          .filter((each) => each.team_id === team.id)
          .map(({ skill_id }) => (
            <Badge key={skill_id}>{skills?.find((skill) => skill.id === skill_id)?.name}</Badge>
          ))
      }
      addLabel={t("add")}
      empty={t("empty")}
      editor={(team, close) => <TeamEditor team={team} onClose={close} />}
      remove={(team) => table.remove({ id: team.id })}
      removeText={t("removeText")}
    />
  );
}
