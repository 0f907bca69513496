import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Avatar, Button, Picker } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { UserPlus, Users } from "lucide-react";
import { usePeople, useTeams } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import type { Change } from "./change";
import type { PickerProps } from "./pickers";
import { useActionWords } from "./words";

const NOBODY = "nobody";
const NO_TEAM = "no-team";

/** Whose a ticket is: a person's, a team's, both, or nobody's yet. */
export function AssignPicker({ ticket, change, disabled, ...opening }: PickerProps) {
  const t = useActionWords();
  const me = useUser();
  const { members, person } = usePeople();
  const teams = useTeams().data ?? [];
  const away = useWhoIsAway(opening.open);
  const assign = useAssign(ticket, change);
  const assignee = ticket.assignee_id ? person(ticket.assignee_id) : null;
  const said = [assignee?.name, ticket.team?.name].filter(Boolean).join(" · ") || t("nobody");
  const takers = members
    .filter(({ role }) => role !== "viewer")
    .sort((one, other) => Number(other.id === me.id) - Number(one.id === me.id));
  return (
    <Picker
      {...opening}
      label={t("assignTo")}
      placeholder={t("findAssignee")}
      none={t("findAssignee")}
      trigger={
        <Button small className={styles.chip} disabled={disabled} aria-label={t("assignee", { name: said })}>
          {assignee ? (
            <Avatar name={assignee.name} url={assignee.picture} size={18} />
          ) : ticket.team ? (
            <Users aria-hidden />
          ) : (
            <UserPlus aria-hidden />
          )}
          <span className={assignee || ticket.team ? undefined : styles.muted}>
            {assignee || ticket.team ? said : t("assign")}
          </span>
        </Button>
      }
      choices={[
        ...takers.map((each) => ({
          id: each.id,
          label: each.name,
          ...(each.id === me.id
            ? { also: t("me"), hint: t("me") }
            : away.has(each.id)
              ? { hint: t("away") }
              : {}),
          icon: <Avatar name={each.name} url={each.picture} size={20} />,
          group: t("people"),
          checked: each.id === ticket.assignee_id,
        })),
        { id: NOBODY, label: t("nobody"), group: t("people"), checked: ticket.assignee_id === null },
        ...teams.map((each) => ({
          id: each.id,
          label: each.name,
          icon: <Users />,
          group: t("teams"),
          checked: each.id === ticket.team_id,
        })),
        ...(teams.length
          ? [{ id: NO_TEAM, label: t("noTeam"), group: t("teams"), checked: ticket.team_id === null }]
          : []),
      ]}
      onPick={({ id, label }) => {
        const team = teams.find((each) => each.id === id);
        if (id === NO_TEAM) void change({ team_id: null }, { told: t("noTeamSet"), shown: { team: null } });
        else if (team)
          void change({ team_id: team.id }, { told: t("given", { name: team.name }), shown: { team } });
        else void assign(id === NOBODY ? null : id, label);
      }}
    />
  );
}

/** Gives a ticket to somebody, or to nobody. */
export function useAssign(ticket: Ticket, change: Change) {
  const t = useActionWords();
  return (id: string | null, name: string) =>
    id === ticket.assignee_id
      ? Promise.resolve()
      : change({ assignee_id: id }, { told: id ? t("assigned", { name }) : t("unassigned") });
}

/** Who does not take tickets now. Asked when somebody is about to assign. */
function useWhoIsAway(isAsked: boolean): Set<string> {
  const client = useClient();
  const { organization_id } = useOrganization();
  const { data } = useQuery({
    queryKey: ["members", organization_id, "availability"],
    enabled: isAsked,
    staleTime: 30_000,
    queryFn: () =>
      ok(client.from("member_availability").select("user_id, status").eq("organization_id", organization_id)),
  });
  return new Set(data?.flatMap(({ user_id, status }) => (status === "online" ? [] : user_id)));
}
