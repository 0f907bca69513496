/** Makes, changes, moves and deletes views. */
import { useClient } from "@kit/api/client";
import type { Json } from "@kit/api/database";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useOrganization } from "../../shell/organization";
import type { View } from "../views";

export type Draft = Omit<View, "id" | "position">;

export function useWriteViews() {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const refresh = useCallback(async () => {
    queries.removeQueries({ queryKey: ["ticket-list", organization_id], type: "inactive" });
    await queries.invalidateQueries({ queryKey: ["views", organization_id] });
    void queries.invalidateQueries({ queryKey: ["ticket-list", organization_id] });
    void queries.invalidateQueries({ queryKey: ["counts", organization_id] });
  }, [queries, organization_id]);
  const known = () => queries.getQueryData<View[]>(["views", organization_id]) ?? [];

  return {
    add: async (draft: Draft): Promise<string> => {
      const position = Math.max(0, ...known().map((each) => each.position)) + 1;
      const made = await ok(
        client
          .from("ticket_views")
          .insert({ organization_id, position, ...draft, conditions: draft.conditions as Json & object })
          .select("id")
          .single(),
      );
      await refresh();
      return made.id;
    },
    change: async (id: string, draft: Partial<Draft>): Promise<void> => {
      await ok(
        client
          .from("ticket_views")
          .update(draft as never)
          .eq("id", id)
          .select("id")
          .single(),
      );
      await refresh();
    },
    remove: async (id: string): Promise<void> => {
      await ok(client.from("ticket_views").delete().eq("id", id).select("id").single());
      await refresh();
    },
    /** Changes places with its neighbour among those given. */
    move: async (views: View[], at: number, by: 1 | -1): Promise<void> => {
      const order = [...views];
      const [moved] = order.splice(at, 1);
      if (!moved) return;
      order.splice(at + by, 0, moved);
      const places = views.map((each) => each.position).sort((one, other) => one - other);
      // Several in one place get places of their own.
      const apart = places.map((place, index) => Math.max(place, (places[0] ?? 0) + index));
      await Promise.all(
        order.flatMap((each, index) =>
          each.position === apart[index]
            ? []
            : [
                ok(
                  client
                    .from("ticket_views")
                    .update({ position: apart[index] as number })
                    .eq("id", each.id)
                    .select("id"),
                ),
              ],
        ),
      );
      await refresh();
    },
  };
}

/** Own views are their owner's; shared ones are the managers'. */
export function useMayChange(): (view: View) => boolean {
  const me = useUser();
  const { atLeast } = useOrganization();
  return (view) => view.user_id === me.id || (view.user_id === null && atLeast("manager"));
}
