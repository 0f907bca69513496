/**
 * Every event of an organization, once, whatever the network does.
 *
 * Realtime brings each event at once, as a hint that may be lost. So after every (re)join, when the page wakes, and now and
 * then, `events_since` is read after a cursor: what a hint has brought already is dropped by its id.
 */

import type { Client } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { join } from "./channel";

export type DeskEvent = {
  id: string;
  type: string;
  subject_id: string;
  ticket_id: string | null;
  data: Record<string, unknown>;
  actor_id?: string | null;
};
export type LiveState = "connecting" | "live" | "offline";
export type Listener = {
  event: (event: DeskEvent) => void;
  /** What was known is too old to be mended by events: read everything anew. */
  reload: () => void;
  state: (state: LiveState) => void;
};

type Page = { events: DeskEvent[]; cursor: string; provisional: boolean; more: boolean };
/** Ids remembered to drop repeats: more than two full pages. */
const REMEMBERED = 3_000;
const SETTLE_MS = 1_000;
const CHECK_MS = 45_000;
const RETRY_MS = 4_000;

/** Follow until the returned function is called. */
export function follow(client: Client, organizationId: string, listener: Listener): () => void {
  const seen = new Set<string>();
  let cursor: string | null = null;
  let reading = false;
  let again = false;
  let ended = false;
  // Events may have happened of which no cursor tells: before the first answer came, or beyond what is kept.
  let mustReload = false;
  let isJoined = false;
  let leave = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;

  const hear = (event: DeskEvent) => {
    if (ended || seen.has(event.id)) return;
    seen.add(event.id);
    if (seen.size > REMEMBERED) seen.delete(seen.values().next().value as string);
    listener.event(event);
  };

  const readSoon = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void read(), ms);
  };

  async function read(): Promise<void> {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    let wait = CHECK_MS;
    try {
      for (let more = true; more && !ended; ) {
        const page: Page = (await ok(
          client.rpc("events_since", { organization_id: organizationId, ...(cursor ? { cursor } : {}) }),
        )) as Page;
        page.events.forEach(hear);
        cursor = page.cursor;
        more = page.more;
        if (page.provisional) wait = SETTLE_MS;
      }
      if (mustReload && !ended) listener.reload();
      mustReload = false;
    } catch (error) {
      wait = RETRY_MS;
      if (problemOf(error).code === "PT410") {
        cursor = null;
        wait = 0;
      }
      // Read anew once there is a cursor again: what happens in between is after it.
      mustReload ||= cursor === null;
    } finally {
      reading = false;
      if (!ended) readSoon(again ? 0 : wait);
      again = false;
    }
  }

  // The cursor is taken before the first hint can be missed: nothing falls between the two.
  void read().then(() => {
    if (ended) return;
    leave = join(
      client,
      `org:${organizationId}`,
      {},
      (channel) =>
        channel.on("broadcast", { event: "*" }, ({ payload }) => {
          const { event_id: id, ...rest } = payload as DeskEvent & { event_id: string };
          if (id) hear({ ...rest, id });
        }),
      (status) => {
        isJoined = status === "SUBSCRIBED";
        tellState();
        if (isJoined) void read();
      },
    );
  });

  const tellState = () => listener.state(!navigator.onLine ? "offline" : isJoined ? "live" : "connecting");
  const wake = () => {
    if (document.visibilityState === "visible" && navigator.onLine) void read();
  };
  const back = () => {
    tellState();
    wake();
  };
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", back);
  addEventListener("offline", tellState);
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wake);
    removeEventListener("online", back);
    removeEventListener("offline", tellState);
    leave();
  };
}
