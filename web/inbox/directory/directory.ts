/** What tickets refer to by id or key, with its name: people, teams, statuses, categories, tags. Each is read once and kept:
 *  an organization has few of them. */
import { type Client, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { type Role, useOrganization } from "../shell/organization";

export type Person = {
  id: string;
  name: string;
  /** A picture to show, good for a day. */
  picture: string | null;
  /** Null: no member any more. */
  role: Role | null;
};
export type Team = { id: string; name: string };
export type Status = { key: string; name: string; category: "open" | "waiting" | "resolved" };
export type Category = { id: string; key: string; name: string };
export type Tag = { id: string; name: string; color: string; parent_id: string | null };

const KEPT_MS = 5 * 60_000;
const PICTURE_SECONDS = 24 * 3600;

function useList<T>(noun: string, read: (client: Client, organizationId: string) => Promise<T[]>) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: [noun, organization_id, "directory"],
    staleTime: KEPT_MS,
    queryFn: () => read(client, organization_id),
  });
}

/** Everybody who writes here or did, those who left last. */
export const usePeople = () => useList("members", readPeople);

async function readPeople(client: Client, organizationId: string): Promise<Person[]> {
  const [authors, members] = await Promise.all([
    ok(
      client
        .from("authors")
        .select("user_id, name, avatar_path")
        .eq("organization_id", organizationId)
        .order("name"),
    ),
    ok(client.from("members").select("user_id, role").eq("organization_id", organizationId)),
  ]);
  const roles = new Map(members.map((each) => [each.user_id, each.role as Role]));
  const pictures = await readPictures(
    client,
    authors.flatMap(({ avatar_path }) => (avatar_path ? [avatar_path] : [])),
  );
  return authors
    .map((each) => ({
      id: each.user_id,
      name: each.name,
      picture: (each.avatar_path && pictures.get(each.avatar_path)) || null,
      role: roles.get(each.user_id) ?? null,
    }))
    .sort((one, other) => Number(one.role === null) - Number(other.role === null));
}

async function readPictures(client: Client, paths: string[]): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map();
  // A picture that cannot be had is no reason to show nobody.
  const { data } = await client.storage.from("avatars").createSignedUrls(paths, PICTURE_SECONDS);
  return new Map(
    (data ?? []).flatMap(({ path, signedUrl }): [string, string][] =>
      path && signedUrl ? [[path, signedUrl]] : [],
    ),
  );
}

export const useTeams = () =>
  useList<Team>("teams", (client, organizationId) =>
    ok(client.from("teams").select("id, name").eq("organization_id", organizationId).order("name")),
  );

export const useStatuses = () =>
  useList<Status>("statuses", (client, organizationId) =>
    ok(
      client
        .from("ticket_statuses")
        .select("key, name, category")
        .eq("organization_id", organizationId)
        .order("position")
        .order("key"),
    ),
  );

export const useCategories = () =>
  useList<Category>("categories", (client, organizationId) =>
    ok(
      client
        .from("ticket_categories")
        .select("id, key, name")
        .eq("organization_id", organizationId)
        .order("name"),
    ),
  );

const MOST_TAGS = 1000;

export const useTags = () =>
  useList<Tag>("tags", (client, organizationId) =>
    ok(
      client
        .from("tags")
        .select("id, name, color, parent_id")
        .eq("organization_id", organizationId)
        .is("removed_at", null)
        .order("name")
        .limit(MOST_TAGS),
    ),
  );

/** Maps a list by what its rows are called elsewhere; the same map for the same list. */
export function byKey<T extends object>(list: readonly T[] | undefined, key: keyof T): Map<unknown, T> {
  if (!list) return EMPTY as Map<unknown, T>;
  const known = indexed.get(list)?.get(key);
  if (known) return known as Map<unknown, T>;
  const made = new Map(list.map((each) => [each[key] as unknown, each]));
  const maps = indexed.get(list) ?? new Map<PropertyKey, Map<unknown, object>>();
  indexed.set(list, maps.set(key, made));
  return made;
}

const EMPTY = new Map<unknown, object>();
const indexed = new WeakMap<object, Map<PropertyKey, Map<unknown, object>>>();
