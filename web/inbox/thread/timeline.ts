/** Messages and what happened between them, in the order in which they are shown. */
import type { Happening, Message, Page } from "./messages";

export type Entry =
  | { kind: "day"; key: string; at: string }
  | { kind: "new"; key: string }
  /** `isContinued`: by the same writer as the one above, a moment later. */
  | { kind: "message"; key: string; message: Message; isContinued: boolean }
  | { kind: "events"; key: string; events: Happening[] };

const CONTINUED_MS = 5 * 60_000;
/** Of `ticket.updated`, what is not told by an event of its own and was not merely computed. */
const TOLD_CHANGES = ["priority", "category_id", "tags", "subject", "is_spam", "contact_id"];

/** `readSeq`: the last message that was read before; a line stands above what is new, unless all of it is. */
export function timelineOf(pages: Page[], readSeq: number | null, ownId: string): Entry[] {
  const messages = pages.flatMap((page) => page.messages).reverse();
  const events = pages
    .flatMap((page) => page.events)
    .filter(isTold)
    .reverse();
  const entries: Entry[] = [];
  let day = "";
  let isNew = readSeq === null || readSeq === 0;
  let next = 0;
  const dayOf = (at: string) => {
    const found = new Date(at).toDateString();
    if (found === day) return;
    day = found;
    entries.push({ kind: "day", key: `day ${found}`, at });
  };
  const happened = (before: string | null) => {
    for (let event = events[next]; event && (before === null || event.id < before); event = events[++next]) {
      dayOf(event.created_at);
      const last = entries.at(-1);
      if (last?.kind === "events") last.events.push(event);
      else entries.push({ kind: "events", key: event.id, events: [event] });
    }
  };
  for (const message of messages) {
    happened(message.id);
    dayOf(message.created_at);
    if (!isNew && message.seq > (readSeq ?? 0) && message.member_id !== ownId) {
      isNew = true;
      entries.push({ kind: "new", key: "new" });
    }
    const above = entries.at(-1);
    entries.push({
      kind: "message",
      key: message.id,
      message,
      isContinued: above?.kind === "message" && continues(above.message, message),
    });
  }
  happened(null);
  return entries;
}

const continues = (above: Message, message: Message): boolean =>
  above.sender === message.sender &&
  above.contact_id === message.contact_id &&
  above.member_id === message.member_id &&
  above.is_internal === message.is_internal &&
  above.sender_status === message.sender_status &&
  !message.body_html &&
  Date.parse(message.created_at) - Date.parse(above.created_at) < CONTINUED_MS;

export function toldChanges(event: Happening): string[] {
  const data = event.data as Record<string, unknown>;
  return TOLD_CHANGES.filter((field) => field in data);
}

const isTold = (event: Happening): boolean =>
  event.type !== "ticket.updated" || toldChanges(event).length > 0;
