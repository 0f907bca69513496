import type { Ticket } from "../tickets/ticket";

export function SidePanel({ ticket }: { ticket: Ticket }) {
  return <p>{ticket.contact?.name}</p>;
}
