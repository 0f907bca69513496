/** Who changed what that is sensitive, the newest first. */
import { type Client, type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";

export type Entry = Pick<
  Row<"audit_log">,
  | "id"
  | "created_at"
  | "actor_id"
  | "actor_role"
  | "action"
  | "table_name"
  | "row_id"
  | "changes"
  | "user_agent"
> & { ip: string | null };
export type Filters = { action: string; table: string; actor: string; since: string; until: string };
export const NO_FILTERS: Filters = { action: "", table: "", actor: "", since: "", until: "" };
export const ACTIONS = [
  "insert",
  "update",
  "delete",
  "sign_in",
  "sign_in_failed",
  "export",
  "redact",
] as const;

const COLUMNS = "id, created_at, actor_id, actor_role, action, table_name, row_id, changes, ip, user_agent";
const PAGE = 50;
/** An export is one file that a program opens: larger logs are read by the API. */
export const MOST_EXPORTED = 10_000;
const SLICE = 1_000;

async function read(
  client: Client,
  organizationId: string,
  filters: Filters,
  last: Entry | null,
  most: number,
) {
  let query = client.from("audit_log").select(COLUMNS).eq("organization_id", organizationId);
  if (filters.action) query = query.eq("action", filters.action);
  if (filters.table) query = query.eq("table_name", filters.table);
  if (filters.actor) query = query.eq("actor_id", filters.actor);
  if (filters.since) query = query.gte("created_at", new Date(`${filters.since}T00:00:00`).toISOString());
  if (filters.until) query = query.lte("created_at", new Date(`${filters.until}T23:59:59.999`).toISOString());
  if (last)
    query = query.or(
      `created_at.lt."${last.created_at}",and(created_at.eq."${last.created_at}",id.lt.${last.id})`,
    );
  return (await ok(
    query.order("created_at", { ascending: false }).order("id", { ascending: false }).limit(most),
  )) as unknown as Entry[];
}

export function useAudit(filters: Filters) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useInfiniteQuery({
    queryKey: ["audit_log", organization_id, filters],
    initialPageParam: null as Entry | null,
    queryFn: ({ pageParam }) => read(client, organization_id, filters, pageParam, PAGE),
    getNextPageParam: (page) => (page.length === PAGE ? (page.at(-1) ?? null) : null),
    placeholderData: (before) => before,
  });
}

/** The rows that the filters leave, as CSV; that somebody took them out is written into the log itself. */
export async function exportAudit(
  client: Client,
  organizationId: string,
  filters: Filters,
  nameOf: (id: string | null) => string,
): Promise<{ csv: string; count: number }> {
  const rows: Entry[] = [];
  while (rows.length < MOST_EXPORTED) {
    const page = await read(client, organizationId, filters, rows.at(-1) ?? null, SLICE);
    rows.push(...page);
    if (page.length < SLICE) break;
  }
  await ok(
    client.rpc("log_export", { organization_id: organizationId, what: "audit_log", row_count: rows.length }),
  );
  const head = [
    "at",
    "actor",
    "actor_id",
    "actor_role",
    "action",
    "table",
    "row",
    "changes",
    "ip",
    "user_agent",
  ];
  const lines = rows.map((row) => [
    row.created_at,
    nameOf(row.actor_id),
    row.actor_id,
    row.actor_role,
    row.action,
    row.table_name,
    row.row_id,
    JSON.stringify(row.changes),
    row.ip,
    row.user_agent,
  ]);
  return { csv: csvOf([head, ...lines]), count: rows.length };
}

/** A spreadsheet takes what begins so for a formula: it is told that it is text. */
const FORMULA = /^[=+\-@\t\r]/;

export function csvOf(rows: (string | null)[][]): string {
  const cell = (value: string | null) => {
    const text = value ?? "";
    return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n");
}

/** What a row was before and after, column by column; nothing else is made of it. */
export function changesOf({ changes }: Entry): { column: string; before: string; after: string }[] {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return [];
  const told = (value: unknown) =>
    value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return Object.entries(changes).map(([column, value]) => {
    const [before, after] = Array.isArray(value) ? value : [null, value];
    return { column, before: told(before), after: told(after) };
  });
}
