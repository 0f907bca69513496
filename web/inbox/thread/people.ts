/** What the ids of a ticket's events and messages are called. */
import { useMemo } from "react";
import { type Person, useCategories, usePeople, useStatuses, useTeams } from "../shell/desk";

export type Directory = {
  /** Undefined for who is no member and never was one: an API key, a contact, pgdesk itself. */
  member: (id: string | null | undefined) => Person | undefined;
  members: Person[];
  teams: { id: string; name: string }[];
  team: (id: string | null | undefined) => string | undefined;
  status: (key: string) => string;
  category: (id: string | null | undefined) => string | undefined;
  /** The status that ends a ticket. */
  solved: string;
};

export function useDirectory(): Directory {
  const { all, members } = usePeople();
  const teams = useTeams().data;
  const statuses = useStatuses().data;
  const categories = useCategories().data;
  return useMemo(() => {
    const people = new Map(all.map((each) => [each.id, each]));
    return {
      member: (id) => (id ? people.get(id) : undefined),
      members,
      teams: teams ?? [],
      team: (id) => teams?.find((each) => each.id === id)?.name,
      status: (key) => statuses?.find((each) => each.key === key)?.name ?? key,
      category: (id) => categories?.find((each) => each.id === id)?.name,
      solved:
        statuses?.find(({ key }) => key === "solved")?.key ??
        statuses?.find(({ category }) => category === "resolved")?.key ??
        "solved",
    };
  }, [all, members, teams, statuses, categories]);
}
