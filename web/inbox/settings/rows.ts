/** An organization's rows of a table, and how they are made, changed and removed. Kept under [<table>, <organization>]. */
import { type Row, type Tables, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { useOrganization } from "../shell/organization";

export type TableName = {
  [T in keyof Tables]: Row<T> extends { organization_id: string } ? T : never;
}[keyof Tables] &
  string;
export type Insert<T extends keyof Tables> = Tables[T]["Insert"];
/** What names a row: its `id`, or the columns of its key. */
export type Key = Record<string, string | number>;

/** Lists of the settings are short: what an organization has set up. More than this is not shown. */
const MOST = 2_000;

export function useRows<T extends TableName>(table: T, order: readonly string[]) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: [table, organization_id],
    queryFn: async () => {
      let query = client
        .from(table as "teams")
        .select()
        .eq("organization_id", organization_id);
      for (const column of order) query = query.order(column as "name");
      return (await ok(query.limit(MOST))) as unknown as Row<T>[];
    },
  });
}

/** Writes to a table of the organization; what is kept of it is read anew after each. */
export function useTable<T extends TableName>(table: T) {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const changed = useCallback(
    () => queries.invalidateQueries({ queryKey: [table, organization_id] }),
    [queries, table, organization_id],
  );
  return useMemo(() => {
    // One typed table stands for all: which columns there are, callers are held to by `Insert<T>`.
    const from = () => client.from(table as "teams");
    return {
      changed,
      add: async (row: Omit<Insert<T>, "organization_id">): Promise<Row<T>> => {
        const added = await ok(
          from()
            .insert({ ...(row as object as Insert<"teams">), organization_id })
            .select()
            .single(),
        );
        await changed();
        return added as unknown as Row<T>;
      },
      addMany: async (rows: Omit<Insert<T>, "organization_id">[]) => {
        if (rows.length === 0) return;
        await ok(
          from().insert(rows.map((row) => ({ ...(row as object as Insert<"teams">), organization_id }))),
        );
        await changed();
      },
      change: async (key: Key, changes: Partial<Insert<T>>) => {
        const found = await ok(
          from()
            .update(changes as object as Insert<"teams">)
            .match({ organization_id, ...key })
            .select("organization_id"),
        );
        await changed();
        // Row-level security hides what may not be changed: nothing is refused, and nothing happens.
        if (found.length === 0) throw Object.assign(new Error("permission denied"), { code: "42501" });
      },
      /** Gives rows that have a `position` theirs by where they stand in the list; those that have it already are left. */
      order: async (rows: { position: number }[], key = "id") => {
        for (const [index, row] of rows.entries()) {
          if (row.position === index) continue;
          const named = { organization_id, [key]: (row as Record<string, unknown>)[key] };
          await ok(
            client
              .from(table as "routing_rules")
              .update({ position: index })
              .match(named),
          );
        }
        await changed();
      },
      remove: async (key: Key) => {
        await ok(
          from()
            .delete()
            .match({ organization_id, ...key }),
        );
        await changed();
      },
    };
  }, [client, table, organization_id, changed]);
}
