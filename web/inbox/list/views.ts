/** The member's views, and how many tickets are in each. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import type { Order, Sort } from "./order";

export type View = Pick<
  Row<"ticket_views">,
  "id" | "name" | "user_id" | "team_id" | "position" | "conditions" | "columns"
> & { sort: Sort; ascending: boolean };
export type Count = { tickets: number; isCapped: boolean };

const MOST_VIEWS = 100;

/** In their order: the first one is where the inbox begins. */
export function useViews() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["views", organization_id],
    staleTime: 5 * 60_000,
    queryFn: async () =>
      (await ok(
        client
          .from("ticket_views")
          .select("id, name, user_id, team_id, position, conditions, sort, ascending, columns")
          .eq("organization_id", organization_id)
          .order("position")
          .order("id")
          .limit(MOST_VIEWS),
      )) as View[],
  });
}

export const orderOf = (view: View): Order => ({ sort: view.sort, ascending: view.ascending });

export function useViewCounts() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["counts", organization_id, "views"],
    // What the clock alone brings about ("late", "two days ago") no event tells of.
    refetchInterval: 60_000,
    queryFn: async () => {
      const counts = await ok(client.rpc("view_counts", { organization_id }));
      return new Map<string, Count>(
        counts.map((each) => [each.view_id, { tickets: each.tickets, isCapped: each.is_capped }]),
      );
    },
  });
}
