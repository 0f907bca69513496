/** What is read of the visitor's tickets. */
import { among, type Rest } from "../desk/rest";
import type { File, Message, Ticket } from "./state";

/** As many messages are read at once. */
export const PAGE = 40;
const MESSAGE = "id,ticket_id,seq,sender,body_text,reply_text,created_at";

export function ticketsOf(rest: Rest, organization_id: string): Promise<Ticket[]> {
  return rest.rows<Ticket>("tickets", {
    organization_id,
    channel: "eq.chat",
    select: "id,status_category,created_at",
    order: "created_at.desc",
    limit: "20",
  });
}

/** The newest ones, or the newest before one, in the order in which they were written. */
export async function messagesOf(
  rest: Rest,
  organization_id: string,
  tickets: Ticket[],
  before: string | null,
): Promise<Message[]> {
  const found = await rest.rows<Message>("messages", {
    organization_id,
    ticket_id: among(tickets.map((each) => each.id)),
    select: MESSAGE,
    order: "id.desc",
    limit: String(PAGE),
    ...(before ? { id: `lt.${before}` } : {}),
  });
  return found.reverse();
}

export function filesOf(rest: Rest, organization_id: string, messages: Message[]): Promise<File[]> {
  return rest.rows<File>("attachments", {
    organization_id,
    message_id: among(messages.map((each) => each.id)),
    select: "id,message_id,file_name,bytes,verdict,storage_path",
  });
}

/** The last ticket, where the desk has asked how it was and has had no answer. */
export async function surveyOf(
  rest: Rest,
  organization_id: string,
  tickets: Ticket[],
): Promise<string | null> {
  const [last] = tickets;
  if (last?.status_category !== "resolved") return null;
  const ticket_id = `eq.${last.id}`;
  const [[asked], [rated]] = await Promise.all([
    rest.rows<{ data: { expires_at: string | null }; created_at: string }>("events", {
      organization_id,
      ticket_id,
      type: "eq.csat.asked",
      select: "data,created_at",
      order: "created_at.desc",
      limit: "1",
    }),
    rest.rows<{ at: string }>("csat_ratings", {
      organization_id,
      ticket_id,
      select: "at",
      order: "at.desc",
      limit: "1",
    }),
  ]);
  if (!asked || (asked.data.expires_at !== null && Date.parse(asked.data.expires_at) < Date.now()))
    return null;
  return rated && rated.at > asked.created_at ? null : last.id;
}
