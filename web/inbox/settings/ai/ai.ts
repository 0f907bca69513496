/** What the AI did: its runs, and what it made of questions that came. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";

const DAYS = 30;
export const MOST_RUNS = 1_000;
const MOST_CASES = 100;

export type Runs = { count: number; failed: number; cost: number; costToday: number; isCapped: boolean };

/** Of the last 30 days. The day of the budget begins at midnight, UTC. */
export function useRuns() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["ai_executions", organization_id],
    queryFn: async (): Promise<Runs> => {
      const rows = await ok(
        client
          .from("ai_executions")
          .select("status, cost_usd, created_at")
          .eq("organization_id", organization_id)
          .gte("created_at", new Date(Date.now() - DAYS * 86_400_000).toISOString())
          .order("created_at", { ascending: false })
          .limit(MOST_RUNS),
      );
      const today = new Date().toISOString().slice(0, 10);
      const sum = (some: typeof rows) => some.reduce((total, { cost_usd }) => total + Number(cost_usd), 0);
      return {
        count: rows.length,
        failed: rows.filter(({ status }) => status !== "ok").length,
        cost: sum(rows),
        costToday: sum(rows.filter(({ created_at }) => new Date(created_at).toISOString().startsWith(today))),
        isCapped: rows.length === MOST_RUNS,
      };
    },
  });
}

export type Case = Pick<
  Row<"drafts">,
  "id" | "decision" | "reasons" | "confidence" | "source" | "body_text" | "created_at" | "status"
> & {
  ticket: { id: string; number: number; subject: string };
  message: { body_text: string } | null;
  citations: {
    ordinal: number;
    sentence: string;
    support: number;
    article_id: string;
    chunk: { title: string; text: string } | null;
  }[];
};

/** The newest questions that the AI looked at, with what it found, wrote and decided. */
export function useCases() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["drafts", organization_id, "cases"],
    queryFn: async () =>
      (await ok(
        client
          .from("drafts")
          .select(
            "id, decision, reasons, confidence, source, body_text, created_at, status, ticket:tickets!inner(id, number, subject), message:messages!drafts_organization_id_message_id_fkey(body_text), citations:draft_citations(ordinal, sentence, support, article_id, chunk:chunks(title, text))",
          )
          .eq("organization_id", organization_id)
          .order("id", { ascending: false })
          .limit(MOST_CASES),
      )) as unknown as Case[],
  });
}
