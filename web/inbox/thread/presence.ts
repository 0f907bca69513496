/** Who else looks at a ticket, and who writes in it: told among its agents on its private topic, kept nowhere. */
import { useClient } from "@kit/api/client";
import { useUser } from "@kit/api/session";
import { join } from "@kit/live/channel";
import type { RealtimeChannel } from "@supabase/supabase-js";
import { useCallback, useEffect, useRef, useState } from "react";

export type Typing = { userId: string; internal: boolean };
/** Told again this often while somebody writes, and forgotten when it was not told for longer. */
const TELL_MS = 2_500;
const FORGET_MS = 6_000;

export function usePresence(ticketId: string): {
  viewers: string[];
  typing: Typing[];
  contactTypes: boolean;
  /** To be called with every key that is pressed; null when the writing ends. */
  tellTyping: (internal: boolean | null) => void;
} {
  const client = useClient();
  const { id: ownId } = useUser();
  const [viewers, setViewers] = useState<string[]>([]);
  const [typing, setTyping] = useState<(Typing & { until: number })[]>([]);
  const [contactUntil, setContactUntil] = useState(0);
  const channels = useRef<{ agents?: RealtimeChannel; contact?: RealtimeChannel }>({});

  useEffect(() => {
    const agents = join(
      client,
      `ticket:${ticketId}:agents`,
      { presence: { key: ownId } },
      (channel) => {
        channels.current.agents = channel;
        channel.on("presence", { event: "sync" }, () =>
          setViewers(Object.keys(channel.presenceState()).filter((id) => id !== ownId)),
        );
        channel.on("broadcast", { event: "typing" }, ({ payload }) => {
          const { user_id: userId, internal } = payload as { user_id: string; internal: boolean | null };
          if (typeof userId !== "string" || userId === ownId) return;
          setTyping((all) => [
            ...all.filter((each) => each.userId !== userId),
            ...(internal === null ? [] : [{ userId, internal, until: Date.now() + FORGET_MS }]),
          ]);
        });
      },
      (status, channel) => {
        if (status === "SUBSCRIBED") void channel.track({ at: Date.now() });
        else setViewers([]);
      },
    );
    const contact = join(
      client,
      `ticket:${ticketId}:contact`,
      {},
      (channel) => {
        channels.current.contact = channel;
        channel.on("broadcast", { event: "typing" }, ({ payload }) => {
          if ((payload as { by?: string }).by === "contact") setContactUntil(Date.now() + FORGET_MS);
        });
      },
      () => {},
    );
    return () => {
      channels.current = {};
      agents();
      contact();
      setViewers([]);
      setTyping([]);
    };
  }, [client, ticketId, ownId]);

  // What is not told again is over: its teller may be gone.
  useEffect(() => {
    const next = Math.min(...typing.map((each) => each.until), contactUntil || Number.POSITIVE_INFINITY);
    if (!Number.isFinite(next)) return;
    const timer = setTimeout(
      () => {
        const now = Date.now();
        setTyping((all) => all.filter((each) => each.until > now));
        setContactUntil((until) => (until > now ? until : 0));
      },
      Math.max(0, next - Date.now()) + 10,
    );
    return () => clearTimeout(timer);
  }, [typing, contactUntil]);

  const told = useRef({ at: 0, internal: null as boolean | null });
  const tellTyping = useCallback(
    (internal: boolean | null) => {
      const now = Date.now();
      const last = told.current;
      if (internal === last.internal && (internal === null || now - last.at < TELL_MS)) return;
      told.current = { at: now, internal };
      const joined = channels.current;
      // Only where it is joined: else it would go out by a request of its own.
      const say = (channel: RealtimeChannel | undefined, payload: Record<string, unknown>) => {
        if (channel?.state === "joined")
          void channel.send({ type: "broadcast", event: "typing", payload }).catch(() => {});
      };
      say(joined.agents, { user_id: ownId, internal });
      // A note is nobody's business outside.
      if (internal === false) say(joined.contact, { by: "member" });
    },
    [ownId],
  );
  return { viewers, typing, contactTypes: contactUntil > 0, tellTyping };
}
