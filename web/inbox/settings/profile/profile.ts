/** The signed-in user's profile, and what they are called in the organization that is looked at. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";

export type MyProfile = {
  name: string;
  display_name: string;
  time_zone: string;
  locale: string;
  avatar_path: string | null;
};

export function useMyProfile() {
  const client = useClient();
  const { id } = useUser();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["my-profile", organization_id, id],
    queryFn: async (): Promise<MyProfile> => {
      const [profile, member] = await Promise.all([
        ok(
          client.from("profiles").select("name,time_zone,locale,avatar_path").eq("user_id", id).maybeSingle(),
        ),
        ok(
          client
            .from("members")
            .select("display_name")
            .eq("organization_id", organization_id)
            .eq("user_id", id)
            .single(),
        ),
      ]);
      const fresh = { name: "", time_zone: zoneHere(), locale: navigator.language, avatar_path: null };
      return { ...(profile ?? fresh), display_name: member.display_name };
    },
  });
}

const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Writes what was changed, each where it stands. */
export function useSaveProfile() {
  const client = useClient();
  const queries = useQueryClient();
  const { id } = useUser();
  const { organization_id } = useOrganization();
  return async ({ display_name, ...profile }: Partial<MyProfile>) => {
    if (Object.keys(profile).length > 0)
      await ok(client.from("profiles").upsert({ user_id: id, ...profile }, { onConflict: "user_id" }));
    if (display_name !== undefined)
      await ok(client.rpc("set_display_name", { organization_id, display_name }));
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["my-profile"] }),
      queries.invalidateQueries({ queryKey: ["members", organization_id] }),
    ]);
  };
}
