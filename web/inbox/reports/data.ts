/** Numbers as the database reports them: each is defined there, once (docs/metrics.md). */
import { type Functions, useClient } from "@kit/api/client";
import type { Database } from "@kit/api/database";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import type { Per, Range } from "./range";

export type MetricsRow = Database["public"]["CompositeTypes"]["metrics_row"];
export type BacklogRow = Database["public"]["CompositeTypes"]["backlog_row"];
export type By = "organization" | "team" | "agent" | "channel" | "tag" | "category";

export type AiReport = {
  drafts: {
    sent: number;
    accepted: number;
    edited: number;
    rejected: number;
    waiting: number;
    escalated: number;
  };
  cost: { day: string; usd: number; calls: number; failures: number; tokens: number }[];
  curve: { threshold: number; coverage: number; risk: number | null; judged: number }[];
};

export function useMetrics(range: Range, by: By = "organization", per: Per | "total" = "total") {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["metrics", organization_id, range.since, range.until, by, per],
    queryFn: async () =>
      (await ok(
        client.rpc("metrics", { organization_id, since: range.since, until: range.until, by, per }),
      )) as MetricsRow[],
  });
}

export function useBacklog(by: By = "organization") {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["backlog", organization_id, by],
    queryFn: async () => (await ok(client.rpc("backlog", { organization_id, by }))) as BacklogRow[],
  });
}

export function useAiReport(range: Range) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["ai-report", organization_id, range.since, range.until],
    queryFn: async () => {
      const asked: Functions["ai_report"]["Args"] = {
        organization_id,
        since: range.since,
        until: range.until,
      };
      return (await ok(client.rpc("ai_report", asked))) as unknown as AiReport;
    },
  });
}

/** A row for each period, with nulls where there are no numbers. */
export function filled(rows: MetricsRow[], periods: string[]): (Partial<MetricsRow> & { period: string })[] {
  const found = new Map(rows.map((row) => [row.period, row]));
  return periods.map((period) => ({ ...found.get(period), period }));
}
