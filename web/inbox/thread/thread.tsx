import type { Ticket } from "../tickets/ticket";

export function Thread({ ticket }: { ticket: Ticket }) {
  return <h1>{ticket.subject}</h1>;
}
