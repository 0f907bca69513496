/** The page's outbox, and what of it belongs to a ticket. */
import { type Client, useClient } from "@kit/api/client";
import { useUser } from "@kit/api/session";
import { useMemo, useSyncExternalStore } from "react";
import { Outbox, type Outgoing } from "./outbox";

const boxes = new Map<string, Outbox>();

function outboxOf(client: Client, userId: string): Outbox {
  const found = boxes.get(userId) ?? new Outbox(client, userId);
  boxes.set(userId, found);
  return found;
}

export function useOutbox(): Outbox {
  const client = useClient();
  const { id } = useUser();
  return useMemo(() => outboxOf(client, id), [client, id]);
}

export function useOutgoing(ticketId: string): Outgoing[] {
  const outbox = useOutbox();
  const all = useSyncExternalStore(outbox.watch, outbox.all);
  return useMemo(() => all.filter((each) => each.ticketId === ticketId), [all, ticketId]);
}
