/** What every screen of a desk knows of it: its people, teams, statuses, categories and tags. Few rows, read once and
 *  kept; an event about one of them, or ten minutes, makes them old. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Role, useOrganization } from "./organization";

const KEPT_MS = 600_000;
/** Pictures are private files: each address is good for an hour. */
const PICTURE_SECONDS = 3_600;

/** Somebody who writes here, or once did (`role` null: has left). */
export type Person = { id: string; name: string; role: Role | null; picture: string | null };

function usePeopleRows() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["members", organization_id, "people"],
    staleTime: KEPT_MS,
    refetchInterval: (PICTURE_SECONDS - 300) * 1_000,
    queryFn: async (): Promise<Person[]> => {
      const [authors, members] = await Promise.all([
        ok(
          client
            .from("authors")
            .select("user_id, name, avatar_path")
            .eq("organization_id", organization_id)
            .order("name"),
        ),
        ok(client.from("members").select("user_id, role").eq("organization_id", organization_id)),
      ]);
      const paths = authors.flatMap(({ avatar_path }) => avatar_path ?? []);
      const signed = paths.length
        ? ((await client.storage.from("avatars").createSignedUrls(paths, PICTURE_SECONDS)).data ?? [])
        : [];
      const pictures = new Map(signed.map(({ path, signedUrl }) => [path, signedUrl]));
      const roles = new Map(members.map(({ user_id, role }) => [user_id, role]));
      return authors.map(({ user_id, name, avatar_path }) => ({
        id: user_id,
        name,
        role: roles.get(user_id) ?? null,
        picture: (avatar_path && pictures.get(avatar_path)) || null,
      }));
    },
  });
}

/** Everybody by their id; `nameless` (an address, or a short word) stands for who has given no name. */
export function usePeople(): { all: Person[]; members: Person[]; person: (id: string | null) => Person } {
  const rows = usePeopleRows().data;
  const me = useUser();
  return useMemo(() => {
    const all = (rows ?? []).map((each) => ({
      ...each,
      name: each.name || (each.id === me.id ? me.email : each.id.slice(-6)),
    }));
    const byId = new Map(all.map((each) => [each.id, each]));
    return {
      all,
      members: all.filter(({ role }) => role !== null),
      person: (id) => (id && byId.get(id)) || { id: id ?? "", name: "…", role: null, picture: null },
    };
  }, [rows, me]);
}

export function useTeams() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["teams", organization_id, "names"],
    staleTime: KEPT_MS,
    queryFn: () =>
      ok(client.from("teams").select("id, name").eq("organization_id", organization_id).order("name")),
  });
}

export type Status = Pick<Row<"ticket_statuses">, "key" | "name" | "category">;

export function useStatuses() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["statuses", organization_id],
    staleTime: KEPT_MS,
    queryFn: (): Promise<Status[]> =>
      ok(
        client
          .from("ticket_statuses")
          .select("key, name, category")
          .eq("organization_id", organization_id)
          .order("position"),
      ),
  });
}

export function useCategories() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["categories", organization_id],
    staleTime: KEPT_MS,
    queryFn: () =>
      ok(
        client
          .from("ticket_categories")
          .select("id, name")
          .eq("organization_id", organization_id)
          .order("name"),
      ),
  });
}

export type Tag = Pick<Row<"tags">, "id" | "name" | "color" | "parent_id">;

export function useTags() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["tags", organization_id],
    staleTime: KEPT_MS,
    queryFn: (): Promise<Tag[]> =>
      ok(
        client
          .from("tags")
          .select("id, name, color, parent_id")
          .eq("organization_id", organization_id)
          .is("removed_at", null)
          .order("name")
          .limit(2000),
      ),
  });
}
