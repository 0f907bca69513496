import { Badge, type Tone } from "@kit/ui";
import type { Ticket } from "./tickets";
import { useTicketWords } from "./words";

const TONES: Record<string, Tone> = { open: "accent", waiting: "warning", resolved: "success" };

/** How a ticket stands, as it concerns who wrote it. */
export function Status({ ticket }: { ticket: Ticket }) {
  const t = useTicketWords();
  const category = ticket.status_category as "open" | "waiting" | "resolved";
  return <Badge tone={TONES[category] ?? "neutral"}>{t(category)}</Badge>;
}
