/** One ticket in a list. Two layouts of one markup: a card in a narrow list, a line in a wide one (ticket_row.module.css). */
import { useTimes } from "@kit/i18n/time";
import { Avatar, Badge } from "@kit/ui";
import {
  AtSign,
  ChevronDown,
  ChevronsUp,
  ChevronUp,
  Clock,
  Code,
  Globe,
  Mail,
  MessageCircle,
  MoonStar,
  Phone,
} from "lucide-react";
import { type ChangeEvent, memo, type ReactNode } from "react";
import { Link } from "react-router";
import type { Person } from "../shell/desk";
import type { Fact } from "./display";
import { dueAt } from "./order";
import type { TicketRow as Ticket } from "./rows";
import { marked } from "./search/marked";
import styles from "./ticket_row.module.css";
import { useListWords } from "./words";

/** Who and what tickets refer to. */
export type Names = {
  person: (id: string) => Person;
  team: (id: string) => string | undefined;
  status: (key: string) => string;
};

type Props = {
  ticket: Ticket;
  to: string;
  top: number;
  height: number;
  place: number;
  isOpen: boolean;
  isCursor: boolean;
  /** The one row that Tab comes to. */
  isTabbed: boolean;
  isSelected: boolean;
  facts: ReadonlySet<Fact>;
  names: Names;
  /** Minutes: what is "5 minutes ago" changes with it. */
  now: number;
  onPick: (id: string, isRange: boolean) => void;
  onPoint: (ticket: Ticket) => void;
};

const SOON_MS = 60 * 60_000;

export const TicketRow = memo(function TicketRow(props: Props) {
  const { ticket, facts, isOpen } = props;
  const t = useListWords();
  const times = useTimes();
  const who = ticket.contact?.name || ticket.contact?.email || t("someone");
  const subject = ticket.subject || t("noSubject");
  const isUnread = ticket.unread > 0 && !isOpen;
  const pick = (event: ChangeEvent<HTMLInputElement>) =>
    props.onPick(ticket.id, (event.nativeEvent as MouseEvent).shiftKey);
  return (
    <li
      className={styles.row}
      style={{ height: props.height, transform: `translateY(${props.top}px)` }}
      aria-posinset={props.place}
      aria-setsize={-1}
      data-ticket={ticket.id}
      data-open={isOpen || undefined}
      data-cursor={props.isCursor || undefined}
      data-selected={props.isSelected || undefined}
      data-unread={isUnread || undefined}
    >
      <label className={styles.pick}>
        <Avatar name={who} size={30} />
        <input
          type="checkbox"
          checked={props.isSelected}
          onChange={pick}
          tabIndex={-1}
          aria-label={t("select", { number: String(ticket.number), subject })}
        />
      </label>
      <Link
        className={styles.link}
        to={props.to}
        tabIndex={props.isTabbed ? 0 : -1}
        aria-current={isOpen ? "true" : undefined}
        draggable={false}
        onPointerEnter={() => props.onPoint(ticket)}
      >
        <span className={styles.who}>
          {isUnread && (
            <span className={styles.dot} role="img" aria-label={t("unreadCount", { count: ticket.unread })} />
          )}
          <span className={styles.name}>
            <bdi>{who}</bdi>
          </span>
          {facts.has("number") && <span className={styles.muted}>#{ticket.number}</span>}
        </span>
        <time className={styles.time} dateTime={ticket.last_message_at}>
          {times.ago(ticket.last_message_at)}
        </time>
        <span className={styles.text}>
          <span className={styles.subject}>
            <bdi>{subject}</bdi>
          </span>
          {facts.has("snippet") && (
            <span className={styles.snippet}>
              <bdi>{ticket.snippet ? <Found snippet={ticket.snippet} /> : ticket.preview}</bdi>
            </span>
          )}
        </span>
        <span className={styles.facts}>
          <Facts {...props} />
        </span>
      </Link>
    </li>
  );
});

const Found = ({ snippet }: { snippet: string }) =>
  marked(snippet).map(({ text, isFound, at }) => (isFound ? <mark key={at}>{text}</mark> : text));

function Facts({ ticket, facts, names }: Props) {
  const t = useListWords();
  const times = useTimes();
  const assignee = ticket.assignee_id ? names.person(ticket.assignee_id) : undefined;
  const team = ticket.team_id ? names.team(ticket.team_id) : undefined;
  return (
    <>
      {ticket.is_spam && <Badge tone="danger">{t("spam")}</Badge>}
      {ticket.snoozed_until && (
        <Hint label={t("snoozedUntil", { time: times.full(ticket.snoozed_until) })}>
          <MoonStar />
        </Hint>
      )}
      {facts.has("channel") && <Hint label={ticket.channel}>{CHANNELS[ticket.channel] ?? <Mail />}</Hint>}
      {facts.has("priority") && ticket.priority !== "normal" && (
        <Hint
          label={t("priorityIs", { priority: t(ticket.priority) })}
          tone={ticket.priority === "low" ? undefined : ticket.priority}
        >
          {ticket.priority === "urgent" ? (
            <ChevronsUp />
          ) : ticket.priority === "high" ? (
            <ChevronUp />
          ) : (
            <ChevronDown />
          )}
        </Hint>
      )}
      {facts.has("due") && <Due ticket={ticket} />}
      {facts.has("status") && <Badge>{names.status(ticket.status)}</Badge>}
      {facts.has("tags") &&
        ticket.tags.slice(0, TAGS).map((tag) => (
          <span key={tag} className={styles.tag}>
            <bdi>{tag}</bdi>
          </span>
        ))}
      {facts.has("tags") && ticket.tags.length > TAGS && (
        <span className={styles.muted}>+{ticket.tags.length - TAGS}</span>
      )}
      {facts.has("team") && team && <span className={styles.tag}>{team}</span>}
      {facts.has("assignee") && assignee && (
        <span
          className={styles.assignee}
          role="img"
          aria-label={t("assignedTo", { name: assignee.name })}
          title={assignee.name}
        >
          <Avatar name={assignee.name} url={assignee.picture} size={20} />
        </span>
      )}
    </>
  );
}

const TAGS = 2;
const CHANNELS: Record<string, ReactNode> = {
  email: <Mail />,
  portal: <Globe />,
  chat: <MessageCircle />,
  phone: <Phone />,
  api: <Code />,
  social: <AtSign />,
};

function Due({ ticket }: { ticket: Ticket }) {
  const t = useListWords();
  const times = useTimes();
  const due = ticket.status_category === "open" ? dueAt(ticket) : null;
  if (!due) return null;
  const left = Date.parse(due) - Date.now();
  const tone = left < 0 ? "danger" : left < SOON_MS ? "warning" : "neutral";
  return (
    <span className={styles.due} title={t(left < 0 ? "overdue" : "due", { time: times.full(due) })}>
      <Badge tone={tone}>
        <Clock aria-hidden />
        <span className="visually-hidden">
          {t(left < 0 ? "overdue" : "due", { time: times.relative(due) })}
        </span>
        <span aria-hidden>{times.duration(left / 1000)}</span>
      </Badge>
    </span>
  );
}

function Hint({ label, tone, children }: { label: string; tone?: string | undefined; children: ReactNode }) {
  return (
    <span className={styles.hint} data-tone={tone} role="img" aria-label={label} title={label}>
      {children}
    </span>
  );
}
