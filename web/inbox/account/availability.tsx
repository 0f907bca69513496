/** Whether the signed-in member is given tickets. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { MenuItem, MenuLine, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import { useAccountWords } from "./words";

export const AVAILABILITIES = ["online", "away", "away_reassign"] as const;
export type Availability = (typeof AVAILABILITIES)[number];

export function useAvailability() {
  const client = useClient();
  const { id } = useUser();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["my-availability", organization_id, id],
    queryFn: async () =>
      ok(
        client
          .from("member_availability")
          .select("status,capacity")
          .eq("organization_id", organization_id)
          .eq("user_id", id)
          .maybeSingle(),
      ),
  });
}

export function useSetAvailability() {
  const client = useClient();
  const queries = useQueryClient();
  const { id } = useUser();
  const { organization_id } = useOrganization();
  return async (status: Availability) => {
    await ok(client.rpc("set_availability", { organization_id, status }));
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["my-availability", organization_id, id] }),
      queries.invalidateQueries({ queryKey: ["member_availability", organization_id] }),
    ]);
  };
}

/** Of the account menu. Viewers are given no tickets. */
export function AvailabilityItems() {
  const t = useAccountWords();
  const toast = useToast();
  const { atLeast } = useOrganization();
  const { data } = useAvailability();
  const set = useSetAvailability();
  if (!atLeast("agent")) return null;
  const status = data?.status ?? "away";
  return (
    <>
      {AVAILABILITIES.map((each) => (
        <MenuItem
          key={each}
          label={t(each)}
          checked={status === each}
          onSelect={() =>
            set(each).catch((error: unknown) => toast(problemOf(error).message, { tone: "danger" }))
          }
        />
      ))}
      <MenuLine />
    </>
  );
}
