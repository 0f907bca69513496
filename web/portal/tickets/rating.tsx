/** How satisfied the reader is with what was solved: one press is an answer, words may follow. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, TextArea } from "@kit/ui";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Star } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useCentre } from "../shell/centre";
import styles from "./rating.module.css";
import { useTicketWords } from "./words";

const SCORES = [1, 2, 3, 4, 5] as const;

export function Rating({ ticketId }: { ticketId: string }) {
  const t = useTicketWords();
  const client = useClient();
  const queries = useQueryClient();
  const { id } = useCentre();
  const [comment, setComment] = useState<string | null>(null);
  const rated = useQuery({
    queryKey: ["ratings", ticketId],
    queryFn: () =>
      ok(
        client
          .from("csat_ratings")
          .select("score, comment")
          .eq("organization_id", id)
          .eq("ticket_id", ticketId)
          .order("id", { ascending: false })
          .limit(1)
          .maybeSingle(),
      ),
  });
  const rate = useMutation({
    mutationFn: (said: { score: number; comment: string }) =>
      ok(client.rpc("rate_ticket", { ticket_id: ticketId, ...said })),
    onSuccess: ({ score, comment: kept }) =>
      queries.setQueryData(["ratings", ticketId], { score, comment: kept }),
  });
  const score = (rate.isPending ? rate.variables.score : rated.data?.score) ?? 0;
  const text = comment ?? rated.data?.comment ?? "";
  const explain = (event: FormEvent) => {
    event.preventDefault();
    rate.mutate({ score, comment: text });
  };
  return (
    <form className={styles.rating} onSubmit={explain}>
      <fieldset>
        <legend>{t("rate")}</legend>
        {SCORES.map((each) => (
          <button
            key={each}
            type="button"
            className={styles.star}
            data-full={each <= score || undefined}
            aria-pressed={each === score}
            aria-label={t("rateScore", { count: each })}
            onClick={() => rate.mutate({ score: each, comment: text })}
          >
            <Star aria-hidden />
          </button>
        ))}
      </fieldset>
      <p role="status" className={styles.thanks}>
        {rated.data && !rate.isPending && t("rated")}
      </p>
      {rate.error && (
        <p role="alert" className={styles.problem}>
          {t("notRated", { problem: problemOf(rate.error).message })}
        </p>
      )}
      {score > 0 && (
        <>
          <TextArea
            label={t("rateMore")}
            rows={2}
            maxLength={5000}
            dir="auto"
            value={text}
            onChange={(event) => setComment(event.target.value)}
          />
          <div>
            <Button type="submit" busy={rate.isPending} disabled={text === (rated.data?.comment ?? "")}>
              {t("rateSend")}
            </Button>
          </div>
        </>
      )}
    </form>
  );
}
