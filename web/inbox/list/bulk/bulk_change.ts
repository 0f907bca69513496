/** The same change for many tickets: shown at once, taken back where the desk refuses, undone while the toast stands. */
import { type Client, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useOrganization } from "../../shell/organization";
import { patchRows, type TicketRow } from "../rows";
import { useBulkWords } from "./words";

export type Columns = Partial<Pick<TicketRow, "status" | "priority" | "team_id" | "assignee_id" | "is_spam">>;
/** So many ids go into one address. */
const CHUNK = 100;

type Attempt = {
  told: string;
  rows: TicketRow[];
  shown: (row: TicketRow) => TicketRow;
  write: () => Promise<unknown>;
  back?: () => Promise<unknown>;
};

export function useBulkChange() {
  const t = useBulkWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id } = useOrganization();

  const attempt = useCallback(
    async (job: Attempt): Promise<void> => {
      const { told, rows, shown, write, back } = job;
      const before = new Map(rows.map((row) => [row.id, row]));
      const change = (to: (row: TicketRow) => TicketRow) =>
        patchRows(queries, organization_id, (row) => (before.has(row.id) ? to(row) : row));
      const restore = () =>
        change((row) => {
          const old = before.get(row.id);
          return old ? { ...old, unread: row.unread } : row;
        });
      change(shown);
      try {
        await write();
      } catch (error) {
        restore();
        toast(t("failed", { problem: problemOf(error).message }), {
          tone: "danger",
          action: { label: t("again"), run: () => void attempt(job) },
        });
        return;
      }
      for (const { id } of rows) void queries.invalidateQueries({ queryKey: ["ticket", id] });
      toast(
        told,
        back
          ? {
              action: {
                label: t("undo"),
                run: () => {
                  restore();
                  back().catch((error: unknown) =>
                    toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" }),
                  );
                },
              },
            }
          : {},
      );
    },
    [queries, organization_id, toast, t],
  );

  const set = useCallback(
    (rows: TicketRow[], columns: Columns, told: string, more: Partial<TicketRow> = {}) =>
      attempt({
        told,
        rows,
        shown: (row) => ({ ...row, ...columns, ...more }),
        write: () => writeAll(client, organization_id, rows, columns),
        back: () => writeBack(client, organization_id, rows, columns),
      }),
    [attempt, client, organization_id],
  );

  const tag = useCallback(
    (rows: TicketRow[], name: string, isAdded: boolean, told: string) => {
      const those = rows.filter((row) => row.tags.includes(name) !== isAdded);
      const write = (adding: boolean) =>
        ok(
          client.rpc("bulk_tag", {
            organization_id,
            target: "tickets",
            filter: { ids: those.map((row) => row.id) },
            add_tags: adding ? [name] : [],
            remove_tags: adding ? [] : [name],
          }),
        );
      return attempt({
        told,
        rows: those,
        shown: (row) => ({
          ...row,
          tags: isAdded ? [...new Set([...row.tags, name])] : row.tags.filter((each) => each !== name),
        }),
        write: () => write(isAdded),
        back: () => write(!isAdded),
      });
    },
    [attempt, client, organization_id],
  );

  const read = useCallback(
    (rows: TicketRow[], isRead: boolean, told: string) =>
      attempt({
        told,
        rows,
        shown: (row) => ({ ...row, unread: isRead ? 0 : Math.max(row.unread, 1) }),
        write: () =>
          inChunks(rows, READ_AT_ONCE, (some) =>
            Promise.all(
              some.map((row) =>
                ok(
                  client.rpc(
                    "mark_read",
                    isRead ? { ticket_id: row.id } : { ticket_id: row.id, seq: 0, unread: true },
                  ),
                ),
              ),
            ),
          ),
      }),
    [attempt, client],
  );
  return { set, tag, read };
}

const READ_AT_ONCE = 6;

async function inChunks<T>(all: T[], size: number, run: (some: T[]) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < all.length; at += size) await run(all.slice(at, at + size));
}

const writeAll = (client: Client, organizationId: string, rows: TicketRow[], columns: Columns) =>
  inChunks(rows, CHUNK, (some) =>
    ok(
      client
        .from("tickets")
        .update(columns)
        .eq("organization_id", organizationId)
        .in(
          "id",
          some.map((row) => row.id),
        )
        .select("id"),
    ),
  );

/** What was in these columns before, written once for each that was the same. */
async function writeBack(client: Client, organizationId: string, rows: TicketRow[], columns: Columns) {
  const names = Object.keys(columns) as (keyof Columns)[];
  const groups = new Map<string, { old: Columns; those: TicketRow[] }>();
  for (const row of rows) {
    const old: Columns = Object.fromEntries(names.map((name) => [name, row[name]]));
    const key = JSON.stringify(old);
    const group = groups.get(key) ?? { old, those: [] };
    group.those.push(row);
    groups.set(key, group);
  }
  for (const { old, those } of groups.values()) await writeAll(client, organizationId, those, old);
}
