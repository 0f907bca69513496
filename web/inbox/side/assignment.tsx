/** Why a ticket is whose it is: the rules that were taken, what it waits for, and who could take it. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Avatar, Loaded, Section } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { usePeople } from "../shell/desk";
import type { Ticket } from "../tickets/ticket";
import styles from "./side.module.css";
import { useSideWords } from "./words";

type Explained = {
  waits_for: "nobody" | "a team" | "the AI" | "a member";
  assignment: "manual" | "round_robin" | "least_loaded" | null;
  rules: { rule: string; moment: string; at: string }[];
  members: {
    user_id: string;
    fits: boolean;
    reason: string;
    load: number;
    capacity: number;
    turn: number | null;
  }[];
};
const WAITS = {
  nobody: "waitsNobody",
  "a team": "waitsTeam",
  "the AI": "waitsAi",
  "a member": "waitsMember",
} as const;

export function AssignmentExplained({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  return (
    <Section name="assignment" title={t("assignment")} folded>
      <Why ticket={ticket} />
    </Section>
  );
}

function Why({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const client = useClient();
  const { person } = usePeople();
  const reasonOf = useReasons();
  const why = useQuery({
    queryKey: ["ticket", ticket.id, "assignment"],
    staleTime: 15_000,
    queryFn: async () =>
      (await ok(client.rpc("explain_assignment", { ticket_id: ticket.id }))) as unknown as Explained,
  });
  return (
    <Loaded query={why}>
      {(found) => (
        <>
          <dl className={styles.facts}>
            <dt>{t("waitsFor")}</dt>
            <dd>{t(WAITS[found.waits_for])}</dd>
          </dl>
          {found.assignment && <p className={styles.small}>{t(found.assignment)}</p>}
          <h3 className={styles.small}>{t("rules")}</h3>
          {found.rules.length === 0 && <p className={styles.muted}>{t("noRules")}</p>}
          <ul className={styles.list}>
            {found.rules.map(({ rule, at }) => (
              <li key={`${rule} ${at}`}>{rule}</li>
            ))}
          </ul>
          <h3 className={styles.small}>{t("whoCan")}</h3>
          <ul className={styles.list}>
            {[...found.members]
              .sort((one, other) => (one.turn ?? 1e9) - (other.turn ?? 1e9))
              .map((each) => {
                const { name, picture } = person(each.user_id);
                return (
                  <li key={each.user_id} className={styles.row}>
                    <Avatar name={name} url={picture} size={20} />
                    <span>
                      {name} <span className={styles.small}>{reasonOf(each.reason)}</span>
                    </span>
                    {each.turn !== null && (
                      <span className={styles.small}>{t("turn", { turn: each.turn })}</span>
                    )}
                  </li>
                );
              })}
          </ul>
        </>
      )}
    </Loaded>
  );
}

/** The desk's reasons in the reader's language; one it does not know stays as it was said. */
function useReasons() {
  const t = useSideWords();
  return (reason: string): string => {
    if (reason === "can take it") return t("canTake");
    if (reason === "is not in the team") return t("notInTeam");
    if (reason === "is away") return t("isAway");
    const full = /^has (\d+) of (\d+) tickets$/.exec(reason);
    if (full) return t("isFull", { load: Number(full[1]), capacity: Number(full[2]) });
    const lacks = /^does not know (.+)$/.exec(reason);
    if (lacks) return t("lacks", { skill: lacks[1] ?? "" });
    return reason;
  };
}
