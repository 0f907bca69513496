import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Section } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { Star } from "lucide-react";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./side.module.css";
import { useSideWords } from "./words";

type Survey = {
  id: string;
  created_at: string;
  csat_ratings: { score: number; comment: string; at: string }[];
};
const BEST = 5;
const POOR = 2;

/** What the contact said of each resolution, where they were asked. */
export function Satisfaction({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const times = useTimes();
  const client = useClient();
  const { organization_id } = useOrganization();
  const surveys = useQuery({
    queryKey: ["ticket", ticket.id, "csat"],
    queryFn: async () =>
      (await ok(
        client
          .from("csat_surveys")
          .select(
            "id, created_at, csat_ratings!csat_ratings_organization_id_survey_id_fkey(score, comment, at)",
          )
          .eq("organization_id", organization_id)
          .eq("ticket_id", ticket.id)
          .order("created_at", { ascending: false }),
      )) as unknown as Survey[],
  });
  if (!surveys.data?.length) return null;
  return (
    <Section name="csat" title={t("csat")}>
      <ul className={styles.list}>
        {surveys.data.map((each) => {
          const rating = [each.csat_ratings].flat()[0];
          return (
            <li key={each.id}>
              {rating ? (
                <>
                  <span className={styles.row}>
                    <span
                      className={styles.stars}
                      role="img"
                      aria-label={t("score", { score: rating.score })}
                    >
                      {Array.from({ length: BEST }, (_, at) => (
                        // biome-ignore lint/suspicious/noArrayIndexKey: five that are alike
                        <Star key={at} aria-hidden data-on={at < rating.score} />
                      ))}
                    </span>
                    {rating.score <= POOR && (
                      <Badge tone="danger">{t("score", { score: rating.score })}</Badge>
                    )}
                    <span className={styles.small}>{times.relative(rating.at)}</span>
                  </span>
                  {rating.comment && <p className={styles.quote}>{rating.comment}</p>}
                </>
              ) : (
                <span className={styles.small}>
                  {[t("asked", { time: times.relative(each.created_at) }), t("notRated")].join(" · ")}
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
