/** What has been seen of a ticket: what stood in the window while somebody looked at it. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import type { Message } from "./messages";

const SETTLE_MS = 400;

/** How far the ticket was read when it was opened; undefined until that is known. */
export function useReadSeq(ticketId: string): number | null | undefined {
  const client = useClient();
  const { id } = useUser();
  const { data } = useQuery({
    queryKey: ["thread", ticketId, "read"],
    // As it was when the ticket was opened: the line above what is new stays where it is.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    queryFn: async () => {
      const row = await ok(
        client.from("ticket_reads").select("seq").eq("ticket_id", ticketId).eq("user_id", id).maybeSingle(),
      );
      return { seq: row?.seq ?? null };
    },
  });
  return data?.seq;
}

/**
 * Follows what is in sight. `seen`: the last message of which the end, or a good part, has been; a message counts with all
 * above it, for a thread is read downwards. The desk is told once it settles.
 */
export function useSeen(
  organizationId: string,
  ticketId: string,
  messages: Message[],
  scroller: RefObject<HTMLElement | null>,
): { seen: RefObject<number>; unseenBelow: number; look: () => void } {
  const client = useClient();
  const queries = useQueryClient();
  const seen = useRef(0);
  const marked = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [unseenBelow, setUnseenBelow] = useState(0);

  const mark = useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const seq = seen.current;
      if (seq <= marked.current) return;
      marked.current = seq;
      ok(client.rpc("mark_read", { ticket_id: ticketId, seq })).then(
        () => {
          for (const noun of ["tickets", "counts", "notifications"])
            void queries.invalidateQueries({ queryKey: [noun, organizationId] });
        },
        () => {
          marked.current = 0;
        },
      );
    }, SETTLE_MS);
  }, [client, queries, organizationId, ticketId]);

  const look = useCallback(() => {
    const box = scroller.current?.getBoundingClientRect();
    if (!box || document.visibilityState !== "visible") return;
    let below = 0;
    for (const element of scroller.current?.querySelectorAll<HTMLElement>("[data-seq]") ?? []) {
      const seq = Number(element.dataset.seq);
      const { top, bottom } = element.getBoundingClientRect();
      const isSeen = bottom <= box.bottom + 8 || top < box.top + box.height / 2;
      if (isSeen) seen.current = Math.max(seen.current, seq);
      else if (seq > seen.current && !element.dataset.mine) below += 1;
    }
    setUnseenBelow(below);
    if (seen.current > marked.current) mark();
  }, [scroller, mark]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at again when something has come
  useEffect(() => {
    const again = requestAnimationFrame(look);
    return () => cancelAnimationFrame(again);
  }, [messages, look]);
  useEffect(() => {
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
      clearTimeout(timer.current);
    };
  }, [look]);
  return { seen, unseenBelow, look };
}
