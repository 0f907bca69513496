import { TicketActions } from "../actions/ticket_actions";
import type { Ticket } from "../tickets/ticket";

export function Thread({ ticket }: { ticket: Ticket }) {
  return <TicketActions ticket={ticket} />;
}
