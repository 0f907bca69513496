/** The members of the organization, each by the name that colleagues see. */
import { useMemo } from "react";
import type { Role } from "../shell/organization";
import { useRows } from "./rows";

export type Person = { id: string; name: string; role: Role; joined: string };

export function useMembers() {
  const members = useRows("members", ["created_at"]);
  const authors = useRows("authors", ["name"]);
  const data = useMemo((): Person[] | undefined => {
    if (!members.data || !authors.data) return undefined;
    const names = new Map(authors.data.map((author) => [author.user_id, author.name]));
    return members.data
      .map((member) => ({
        id: member.user_id,
        name: names.get(member.user_id) || member.display_name || "?",
        role: member.role,
        joined: member.created_at,
      }))
      .sort((one, other) => one.name.localeCompare(other.name));
  }, [members.data, authors.data]);
  return {
    data,
    error: members.error ?? authors.error,
    refetch: () => Promise.all([members.refetch(), authors.refetch()]),
  };
}
