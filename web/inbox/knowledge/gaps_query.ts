/** Questions without an answer. Nobody writes down what is searched for in vain; but of each question that came to the desk
 *  the AI says whether the articles answer it, and why not. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";

/** The reasons of docs/ai.md that speak of the articles, not of the customer or the desk. */
export const GAP_REASONS = ["no_source", "model_found_no_answer", "low_confidence", "language"] as const;
export type GapReason = (typeof GAP_REASONS)[number];

export type Gap = {
  id: string;
  reasons: string[];
  confidence: number;
  created_at: string;
  ticket: { id: string; number: number; subject: string; category_id: string | null };
  message: { body_text: string } | null;
  citations: { article_id: string; chunk: { title: string } | null }[];
};
export const MOST_GAPS = 300;

export function useGaps(days: number, reason: GapReason | "") {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["drafts", organization_id, "gaps", days, reason],
    queryFn: async () => {
      const since = new Date(Date.now() - days * 86_400_000).toISOString();
      const gaps = (await ok(
        client
          .from("drafts")
          .select(
            "id, reasons, confidence, created_at, ticket:tickets!inner(id, number, subject, category_id), message:messages!drafts_organization_id_message_id_fkey(body_text), citations:draft_citations(article_id, chunk:chunks(title))",
          )
          .eq("organization_id", organization_id)
          .eq("ticket.is_spam", false)
          .eq("decision", "escalate")
          .overlaps("reasons", reason ? [reason] : [...GAP_REASONS])
          .gte("created_at", since)
          .order("id", { ascending: false })
          .limit(MOST_GAPS),
      )) as unknown as Gap[];
      return gaps;
    },
  });
}

export type Passage = {
  article_id: string;
  chunk_id: string;
  title: string;
  heading: string;
  excerpt: string;
  score: number;
};

/** What search finds about a question, as the help centre would. */
export function usePassages(question: string, most = 5) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["articles", organization_id, "search", question, most],
    enabled: question.trim() !== "",
    queryFn: async () =>
      (await ok(
        client.rpc("search_articles", { organization_id, query: question, max_articles: most }),
      )) as Passage[],
  });
}

/** The question of a message: not what its writer quotes, and no longer than one reads at a glance. */
export const questionOf = (subject: string, body: string): string =>
  [
    subject.replace(/^((re|aw|fwd?|wg)\s*:\s*)+/i, ""),
    body
      .split("\n")
      .filter((line) => !line.startsWith(">"))
      .join("\n"),
  ]
    .filter((part) => part.trim() !== "")
    .join("\n")
    .slice(0, 2_000);
