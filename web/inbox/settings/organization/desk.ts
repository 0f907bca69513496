/** The organization's own row, and what stands in its `settings`. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";

type Own = { portal: boolean; receipts: boolean; reply_style: string };
export type Desk = Omit<Row<"organizations">, "settings"> & Own & { settings: Record<string, unknown> };

export function useDesk() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["organizations", organization_id],
    queryFn: async (): Promise<Desk> => {
      const { settings, ...row } = await ok(
        client.from("organizations").select().eq("id", organization_id).single(),
      );
      const kept = (settings ?? {}) as Record<string, unknown>;
      return {
        ...row,
        settings: kept,
        portal: kept.portal !== false,
        receipts: kept.receipts !== false,
        reply_style: typeof kept.reply_style === "string" ? kept.reply_style : "",
      };
    },
  });
}

/** Writes what was changed. `settings` holds more than this page shows: what else is there stays. */
export function useSaveDesk(desk: Desk) {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  return async ({ portal, receipts, reply_style, ...columns }: Partial<Desk>) => {
    const given = Object.entries({ portal, receipts, reply_style }).filter(
      ([, value]) => value !== undefined,
    );
    const settings = given.length > 0 ? { settings: { ...desk.settings, ...Object.fromEntries(given) } } : {};
    await ok(
      client
        .from("organizations")
        .update({ ...columns, ...settings } as { name: string })
        .eq("id", organization_id)
        .select("id")
        .single(),
    );
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["organizations", organization_id] }),
      queries.invalidateQueries({ queryKey: ["memberships"] }),
    ]);
  };
}
