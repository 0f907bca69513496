export function TicketList(_: { viewId: string | undefined; number: number | undefined }) {
  return null;
}
