/** What triage saw in the contact's last message, how sure it was and why; corrected where it stands, and it learns from that. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Badge, Button, Picker, Section, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Users } from "lucide-react";
import { useState } from "react";
import { PriorityIcon } from "../actions/icons";
import { PRIORITIES } from "../actions/pickers";
import { useActionWords } from "../actions/words";
import { languageName } from "../contacts/contact_card";
import { useCategories, useTeams } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./side.module.css";
import { TriageReasons } from "./triage_reasons";
import { useSideWords } from "./words";

export type Seen = Pick<
  Row<"triage_results">,
  | "id"
  | "category_id"
  | "confidence"
  | "abstained"
  | "evidence"
  | "language"
  | "sentiment"
  | "is_spam"
  | "wants_human"
  | "sensitive"
  | "injection"
> & {
  ranking: { category_id: string; confidence: number }[];
  signals: Record<string, { value: unknown; confidence: number; evidence: string[] }>;
};

function useSeen(ticket: Ticket) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["ticket", ticket.id, "triage"],
    queryFn: async () =>
      (await ok(
        client
          .from("triage_results")
          .select(
            "id, category_id, confidence, abstained, evidence, language, sentiment, is_spam, wants_human, sensitive, injection, ranking, signals",
          )
          .eq("organization_id", organization_id)
          .eq("ticket_id", ticket.id)
          .order("created_at", { ascending: false })
          .limit(1)
          .maybeSingle(),
      )) as unknown as Seen | null,
  });
}

type Correction = {
  category?: { id: string; name: string };
  priority?: Ticket["priority"];
  team?: Ticket["team"];
};

/** Files a ticket anew, shown at once. Without a category it is only changed: there is nothing to learn. */
function useCorrect(ticket: Ticket) {
  const t = useSideWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  return async ({ category, priority, team }: Correction, told?: string) => {
    const key = ["ticket", ticket.id, "row"];
    await queries.cancelQueries({ queryKey: key });
    queries.setQueryData<Ticket>(key, {
      ...ticket,
      ...(category ? { category, category_id: category.id } : {}),
      ...(priority ? { priority } : {}),
      ...(team !== undefined ? { team, team_id: team?.id ?? null } : {}),
    });
    const filed = category?.id ?? ticket.category_id;
    try {
      if (filed && team !== null)
        await ok(
          client.rpc("correct_triage", {
            ticket_id: ticket.id,
            category_id: filed,
            ...(priority ? { priority } : {}),
            ...(team ? { team_id: team.id } : {}),
          }),
        );
      else
        await ok(
          client
            .from("tickets")
            .update({
              ...(priority ? { priority } : {}),
              ...(team !== undefined ? { team_id: team?.id ?? null } : {}),
            })
            .eq("id", ticket.id)
            .select("id")
            .single(),
        );
      if (told) toast(told);
    } catch (error) {
      queries.setQueryData(key, ticket);
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    void queries.invalidateQueries({ queryKey: ["ticket", ticket.id] });
  };
}

export function Triage({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const seen = useSeen(ticket);
  return (
    <Section name="triage" title={t("triage")}>
      {seen.data === null && <p className={styles.muted}>{t("notTriaged")}</p>}
      <Filing ticket={ticket} seen={seen.data ?? null} />
    </Section>
  );
}

const percent = (value: number) => `${Math.round(value * 100)}%`;

function Filing({ ticket, seen }: { ticket: Ticket; seen: Seen | null }) {
  const t = useSideWords();
  const { atLeast } = useOrganization();
  const categories = useCategories().data ?? [];
  const correct = useCorrect(ticket);
  const [open, setOpen] = useState<"category" | "priority" | "team" | null>(null);
  const [explains, setExplains] = useState(false);
  const mayChange = atLeast("agent") && !ticket.merged_into;
  const guess = categories.find(({ id }) => id === seen?.category_id);
  const isOurs = ticket.set_by_member.includes("category_id");
  const choose = (id: string) => {
    const category = categories.find((each) => each.id === id);
    if (category) void correct({ category }, t("corrected", { category: category.name }));
  };
  const opening = (name: "category" | "priority" | "team") => ({
    open: open === name,
    onOpen: (wanted: boolean) => setOpen(wanted ? name : null),
    disabled: !mayChange,
  });
  return (
    <>
      <dl className={styles.facts}>
        <dt>{t("category")}</dt>
        <dd>
          <ChooseCategory {...opening("category")} ticket={ticket} onChoose={choose} />
        </dd>
        <dt>{t("priority")}</dt>
        <dd>
          <ChoosePriority
            {...opening("priority")}
            ticket={ticket}
            onChoose={(priority) => void correct({ priority })}
          />
        </dd>
        <dt>{t("team")}</dt>
        <dd>
          <ChooseTeam {...opening("team")} ticket={ticket} onChoose={(team) => void correct({ team })} />
        </dd>
        {seen && (
          <>
            <dt>{t("mood")}</dt>
            <dd>
              <Badge
                tone={
                  seen.sentiment === "negative"
                    ? "danger"
                    : seen.sentiment === "positive"
                      ? "success"
                      : "neutral"
                }
              >
                {t(seen.sentiment as "negative" | "neutral" | "positive")}
              </Badge>
            </dd>
          </>
        )}
        {ticket.language && (
          <>
            <dt>{t("language")}</dt>
            <dd>{languageName(ticket.language)}</dd>
          </>
        )}
      </dl>
      {seen && <Signals seen={seen} />}
      {seen && (
        <div className={styles.sure}>
          <span className={styles.meter} aria-hidden>
            <span style={{ inlineSize: percent(seen.confidence) }} />
          </span>
          <span className={styles.small}>
            {seen.abstained
              ? [t("noLabel"), guess && t("best", { category: guess.name })].filter(Boolean).join(". ")
              : isOurs && guess && guess.id !== ticket.category_id
                ? t("byMember", { category: guess.name })
                : t("sure", { percent: percent(seen.confidence) })}
          </span>
        </div>
      )}
      {seen && (
        <div className={styles.buttons}>
          {mayChange && guess && !isOurs && (
            <Button small onClick={() => void correct({ category: guess }, t("confirmed"))}>
              <Check size={14} aria-hidden /> {t("right")}
            </Button>
          )}
          <Button small look="quiet" aria-expanded={explains} onClick={() => setExplains(!explains)}>
            {t("why")}
          </Button>
        </div>
      )}
      {seen && explains && (
        <TriageReasons seen={seen} {...(mayChange ? { onChoose: choose } : {})} chosen={ticket.category_id} />
      )}
    </>
  );
}

function Signals({ seen }: { seen: Seen }) {
  const t = useSideWords();
  const known = ["refund", "account_access", "legal", "payment", "security", "cancellation"] as const;
  const flags = [
    ...(seen.is_spam ? [t("spam")] : []),
    ...(seen.injection ? [t("injection")] : []),
    ...(seen.wants_human ? [t("wants_human")] : []),
    ...known.filter((each) => seen.sensitive.includes(each)).map((each) => t(each)),
  ];
  if (flags.length === 0) return null;
  return (
    <ul className={styles.chips}>
      {flags.map((flag) => (
        <li key={flag}>
          <Badge tone="warning">{flag}</Badge>
        </li>
      ))}
    </ul>
  );
}

type Choosing = { ticket: Ticket; open: boolean; onOpen: (open: boolean) => void; disabled: boolean };

function ChooseCategory({
  ticket,
  onChoose,
  disabled,
  ...opening
}: Choosing & { onChoose: (id: string) => void }) {
  const a = useActionWords();
  const categories = useCategories().data ?? [];
  const name = ticket.category?.name ?? a("noCategory");
  return (
    <Picker
      {...opening}
      label={a("setCategory")}
      placeholder={a("findCategory")}
      none={a("findCategory")}
      trigger={
        <Button
          small
          look="quiet"
          className={styles.value}
          disabled={disabled}
          aria-label={a("category", { category: name })}
        >
          <span>{name}</span>
        </Button>
      }
      choices={categories.map(({ id, name }) => ({ id, label: name, checked: id === ticket.category_id }))}
      onPick={({ id }) => onChoose(id)}
    />
  );
}

function ChoosePriority({
  ticket,
  onChoose,
  disabled,
  ...opening
}: Choosing & { onChoose: (priority: Ticket["priority"]) => void }) {
  const a = useActionWords();
  return (
    <Picker
      {...opening}
      label={a("setPriority")}
      placeholder={a("findPriority")}
      none={a("findPriority")}
      trigger={
        <Button
          small
          look="quiet"
          className={styles.value}
          disabled={disabled}
          aria-label={a("priority", { priority: a(ticket.priority) })}
        >
          <PriorityIcon priority={ticket.priority} />
          <span>{a(ticket.priority)}</span>
        </Button>
      }
      choices={PRIORITIES.map((each) => ({
        id: each,
        label: a(each),
        icon: <PriorityIcon priority={each} />,
        checked: each === ticket.priority,
      }))}
      onPick={({ id }) => {
        const priority = PRIORITIES.find((each) => each === id);
        if (priority) onChoose(priority);
      }}
    />
  );
}

const NO_TEAM = "none";

function ChooseTeam({
  ticket,
  onChoose,
  disabled,
  ...opening
}: Choosing & { onChoose: (team: Ticket["team"]) => void }) {
  const t = useSideWords();
  const teams = useTeams().data ?? [];
  return (
    <Picker
      {...opening}
      label={t("setTeam")}
      placeholder={t("setTeam")}
      none={t("noTeam")}
      trigger={
        <Button
          small
          look="quiet"
          className={styles.value}
          disabled={disabled}
          aria-label={`${t("team")}: ${ticket.team?.name ?? t("noTeam")}`}
        >
          <span>{ticket.team?.name ?? t("noTeam")}</span>
        </Button>
      }
      choices={[
        ...teams.map((each) => ({
          id: each.id,
          label: each.name,
          icon: <Users />,
          checked: each.id === ticket.team_id,
        })),
        { id: NO_TEAM, label: t("noTeam"), checked: ticket.team_id === null },
      ]}
      onPick={({ id }) => onChoose(teams.find((each) => each.id === id) ?? null)}
    />
  );
}
