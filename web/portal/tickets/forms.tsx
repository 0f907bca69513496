/** Forms that the desk sent in a ticket: to be filled in once, with the message that brought them. */
import { type Row, useClient } from "@kit/api/client";
import { isConflict, ok, problemOf } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button } from "@kit/ui";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useCentre } from "../shell/centre";
import styles from "./form.module.css";
import { type Answer, FormField, type Question } from "./form_field";
import { useTicketWords } from "./words";

export type Form = Pick<
  Row<"action_forms">,
  "id" | "title" | "status" | "expires_at" | "message_id" | "ticket_id"
> & {
  fields: Question[];
};

export function useForms(ticketId: string) {
  const client = useClient();
  const { id } = useCentre();
  return useQuery({
    queryKey: ["forms", ticketId],
    queryFn: async () =>
      (await ok(
        client
          .from("action_forms")
          .select("id, title, status, expires_at, message_id, ticket_id, fields")
          .eq("organization_id", id)
          .eq("ticket_id", ticketId),
      )) as Form[],
  });
}

export function FormOf({ form }: { form: Form }) {
  const t = useTicketWords();
  const times = useTimes();
  const isOver = new Date(form.expires_at) <= new Date();
  const isOpen = form.status === "sent" && !isOver;
  return (
    <section className={styles.form} aria-label={form.title}>
      <div className={styles.head}>
        <h2 dir="auto">{form.title}</h2>
        {isOpen ? (
          <span className={styles.muted}>{t("formExpires", { day: times.day(form.expires_at) })}</span>
        ) : (
          <Badge tone={form.status === "answered" ? "success" : "neutral"}>
            {form.status === "answered"
              ? t("formDone")
              : form.status === "cancelled"
                ? t("formTaken")
                : t("formOver")}
          </Badge>
        )}
      </div>
      {isOpen && <Questions form={form} />}
    </section>
  );
}

function Questions({ form }: { form: Form }) {
  const t = useTicketWords();
  const client = useClient();
  const queries = useQueryClient();
  const [answers, setAnswers] = useState<Record<string, Answer>>({});
  const refresh = () => {
    void queries.invalidateQueries({ queryKey: ["forms", form.ticket_id] });
    void queries.invalidateQueries({ queryKey: ["messages", form.ticket_id] });
  };
  const submit = useMutation({
    mutationFn: () => ok(client.rpc("submit_form", { form_id: form.id, answers })),
    onSuccess: refresh,
    onError: (error) => isConflict(error) && refresh(),
  });
  const [missing, setMissing] = useState<Record<string, string>>({});
  const problems = problemsOf(submit.error) ?? missing;
  return (
    <form
      className={styles.questions}
      noValidate
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        const unanswered = form.fields.filter((each) => each.required && isEmpty(answers[each.key]));
        setMissing(Object.fromEntries(unanswered.map((each) => [each.key, "required"])));
        if (unanswered.length === 0 && !submit.isPending) submit.mutate();
      }}
    >
      {form.fields.map((question) => (
        <FormField
          key={question.key}
          question={question}
          answer={answers[question.key]}
          problem={problems[question.key]}
          onAnswer={(answer) => setAnswers((all) => ({ ...all, [question.key]: answer }))}
        />
      ))}
      {submit.error && !problemsOf(submit.error) && (
        <p role="alert" className={styles.problem}>
          {t("notSent", { problem: problemOf(submit.error).message })}
        </p>
      )}
      <div>
        <Button look="primary" type="submit" busy={submit.isPending}>
          {t("formSend")}
        </Button>
      </div>
    </form>
  );
}

const isEmpty = (answer: Answer | undefined) =>
  answer === undefined || answer === null || answer === false || answer.toString().trim() === "";

/** What is wrong, by question; null where it is something else. */
function problemsOf(error: unknown): Record<string, string> | null {
  const { code, details } = problemOf(error);
  if (!error || code !== "23514" || !details) return null;
  try {
    return JSON.parse(details) as Record<string, string>;
  } catch {
    return null;
  }
}
