/** What happened between two messages, in a line each; of many, the first ones until somebody asks. */
import { useLanguage } from "@kit/i18n";
import { useTimes } from "@kit/i18n/time";
import {
  AlarmClock,
  ArrowRightLeft,
  CircleDot,
  Clock,
  FileText,
  MailWarning,
  Sparkles,
  Star,
  UserRound,
} from "lucide-react";
import { type ReactNode, useState } from "react";
import { useReasons } from "../draft/reasons";
import styles from "./event_line.module.css";
import type { Happening } from "./messages";
import type { Directory } from "./people";
import { toldChanges } from "./timeline";
import { type ThreadWords, useThreadWords } from "./words";

const SHOWN = 3;

export function EventLines({
  events,
  directory,
  contactName,
}: {
  events: Happening[];
  directory: Directory;
  contactName: string;
}) {
  const t = useThreadWords();
  const times = useTimes();
  const { language } = useLanguage();
  const reasons = useReasons();
  const [all, setAll] = useState(false);
  const told = events.flatMap((event) =>
    sentencesOf(event, { t, directory, contactName, reasons, until: times.full, language }).map((text) => ({
      event,
      text,
    })),
  );
  const shown = all || told.length <= SHOWN + 1 ? told : told.slice(-SHOWN);
  const hidden = told.length - shown.length;
  if (told.length === 0) return null;
  return (
    <ul className={styles.events}>
      {told.length > SHOWN + 1 && (
        <li>
          <button type="button" className={styles.more} onClick={() => setAll(!all)} aria-expanded={all}>
            {all ? t("lessEvents") : t("moreEvents", { count: hidden })}
          </button>
        </li>
      )}
      {shown.map(({ event, text }) => (
        <li key={`${event.id} ${text}`} className={styles.event} data-tone={toneOf(event.type)}>
          <span className={styles.icon} aria-hidden>
            {iconOf(event.type)}
          </span>
          <span>{text}</span>
          <time dateTime={event.created_at} title={times.full(event.created_at)}>
            {times.clock(event.created_at)}
          </time>
        </li>
      ))}
    </ul>
  );
}

type Known = {
  t: ThreadWords;
  directory: Directory;
  contactName: string;
  reasons: (key: string) => string;
  until: (at: string) => string;
  language: string;
};

/** What an event says, in a sentence or several; none for what says nothing to a reader. */
function sentencesOf(event: Happening, known: Known): string[] {
  const { t, directory, contactName } = known;
  const data = event.data as Record<string, unknown>;
  const text = (name: string) => (typeof data[name] === "string" ? (data[name] as string) : "");
  const who = directory.member(event.actor_id)?.name ?? (event.actor_id ? t("somebody") : t("desk"));
  const reason = text("reason") || t("unknownReason");
  switch (event.type) {
    case "ticket.created":
      return [t("evCreated", { who: directory.member(event.actor_id)?.name ?? contactName })];
    case "ticket.assigned": {
      const whom = directory.member(text("assignee_id"))?.name;
      const team = directory.team(text("team_id"));
      if (whom && team) return [t("evAssignedBoth", { who, whom, team })];
      if (whom) return [t("evAssignedTo", { who, whom })];
      return [team ? t("evAssignedTeam", { who, team }) : t("evUnassigned", { who })];
    }
    case "ticket.status.changed":
      return [t("evStatus", { who: actorOfStatus(event, known), status: directory.status(text("to")) })];
    case "ticket.snoozed":
      return [t("evSnoozed", { who, until: text("until") ? known.until(text("until")) : "" })];
    case "ticket.woke":
      return [t("evWoke")];
    case "ticket.updated":
      return toldChanges(event).map((field) => changeOf(field, data, who, known));
    case "ticket.escalated": {
      const all = Array.isArray(data.reasons) ? data.reasons.filter((each) => typeof each === "string") : [];
      const list = new Intl.ListFormat(known.language).format(all.map(known.reasons));
      return [t("evEscalated", { reasons: list || t("unknownReason") })];
    }
    case "ticket.merged":
      return [t("evMerged", { who })];
    case "ticket.unmerged":
      return [t("evUnmerged", { who })];
    case "ticket.linked":
      return data.kind === "distinct" ? [] : [t("evLinked", { who })];
    case "ticket.unlinked":
      return data.kind === "distinct" ? [] : [t("evUnlinked", { who })];
    case "ticket.participant.changed":
      return [t(data.role ? "evParticipantIn" : "evParticipantOut", { name: t("somebody") })];
    case "ticket.rated":
      return [t("evRated", { name: contactName, score: Number(data.score) })];
    case "message.moved":
      return [t("evMoved", { who })];
    case "sla.warned":
    case "sla.breached":
      return [
        t(event.type === "sla.warned" ? "evSlaWarned" : "evSlaBreached", {
          metric: t(METRICS[text("metric")] ?? "metricResolution"),
        }),
      ];
    case "mail.bounced":
      return [t("evBounced", { reason })];
    case "mail.complained":
      return [t("evComplained")];
    case "mail.failed":
      return [t("evMailFailed", { reason })];
    case "mail.suppressed":
      return [t("evMailSuppressed", { reason })];
    case "mail.unknown":
      return [t("evMailUnknown")];
    case "mail.resolved":
      return [t("evMailResolved", { who })];
    case "csat.asked":
      return [t("evCsatAsked")];
    case "form.sent":
      return [t("evFormSent", { who })];
    case "form.answered":
      return [t("evFormAnswered")];
    case "form.cancelled":
      return [t("evFormCancelled", { who })];
    default:
      return [];
  }
}

/** A status that goes back to open without a member was opened by the customer's word. */
function actorOfStatus(event: Happening, { t, directory, contactName }: Known): string {
  const data = event.data as Record<string, unknown>;
  const member = directory.member(event.actor_id)?.name;
  if (member) return member;
  return data.to_category === "open" && data.from_category !== "open" ? contactName : t("desk");
}

const METRICS: Record<string, "metricFirst" | "metricNext" | "metricResolution"> = {
  first_response: "metricFirst",
  next_response: "metricNext",
  resolution: "metricResolution",
};
const PRIORITIES = ["low", "normal", "high", "urgent"] as const;

function changeOf(field: string, data: Record<string, unknown>, who: string, known: Known): string {
  const { t, directory, language } = known;
  const value = data[field];
  switch (field) {
    case "priority": {
      const priority = PRIORITIES.find((each) => each === value);
      return t("evPriority", { who, priority: priority ? t(priority) : String(value) });
    }
    case "category_id": {
      const category = directory.category(typeof value === "string" ? value : null);
      return category ? t("evCategory", { who, category }) : t("evNoCategory", { who });
    }
    case "tags": {
      const tags = Array.isArray(value) ? value.map(String) : [];
      return tags.length
        ? t("evTags", { who, tags: new Intl.ListFormat(language).format(tags) })
        : t("evNoTags", { who });
    }
    case "is_spam":
      return t(value ? "evSpam" : "evNoSpam", { who });
    case "contact_id":
      return t("evContact", { who });
    default:
      return t("evSubject", { who });
  }
}

function toneOf(type: string): string | undefined {
  if (type === "sla.breached" || /^mail\.(bounced|failed|complained|unknown)$/.test(type)) return "danger";
  return type === "sla.warned" || type === "mail.suppressed" ? "warning" : undefined;
}

function iconOf(type: string): ReactNode {
  if (type.startsWith("sla.")) return <AlarmClock />;
  if (type.startsWith("mail.")) return <MailWarning />;
  if (type.startsWith("form.")) return <FileText />;
  if (type === "ticket.assigned" || type === "ticket.participant.changed") return <UserRound />;
  if (type === "ticket.snoozed" || type === "ticket.woke") return <Clock />;
  if (type === "ticket.escalated") return <Sparkles />;
  if (type === "ticket.rated" || type === "csat.asked") return <Star />;
  if (/merged|linked|moved/.test(type)) return <ArrowRightLeft />;
  return <CircleDot />;
}
