/**
 * What somebody has begun to write. The desk keeps it (`compositions`), so it is there on every device; this browser keeps
 * it with every key that is pressed, so that a reload loses nothing that the desk has not been told yet.
 */
import { type Client, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { Ready } from "./uploads";

/** `body`: with mentions written out. */
export type Begun = { body: string; files: Ready[]; draftId: string | null };
type Kept = Begun & { at: number };

const TELL_MS = 700;
const EMPTY: Begun = { body: "", files: [], draftId: null };
const nameOf = (place: Place) => `pgdesk.begun.${place.ticketId}.${place.internal ? "note" : "reply"}`;
export type Place = { organizationId: string; ticketId: string; userId: string; internal: boolean };

function keptHere(place: Place): Kept | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(nameOf(place)) ?? "null");
    return typeof found === "object" && found !== null && "body" in found ? (found as Kept) : null;
  } catch {
    return null;
  }
}

function keepHere(place: Place, begun: Begun): void {
  try {
    if (begun.body || begun.files.length)
      localStorage.setItem(nameOf(place), JSON.stringify({ ...begun, at: Date.now() }));
    else localStorage.removeItem(nameOf(place));
  } catch {
    // No room: the desk keeps it.
  }
}

async function tell(client: Client, place: Place, body: string): Promise<void> {
  if (body.trim())
    await ok(
      client.from("compositions").upsert(
        {
          organization_id: place.organizationId,
          ticket_id: place.ticketId,
          user_id: place.userId,
          is_internal: place.internal,
          body,
        },
        { onConflict: "ticket_id,user_id,is_internal" },
      ),
    );
  else
    await ok(
      client
        .from("compositions")
        .delete()
        .eq("ticket_id", place.ticketId)
        .eq("user_id", place.userId)
        .eq("is_internal", place.internal),
    );
}

/** Of what the desk and this browser know, the newer. */
export async function readBegun(client: Client, place: Place): Promise<Begun> {
  const here = keptHere(place);
  const row = await ok(
    client
      .from("compositions")
      .select("body, updated_at")
      .eq("ticket_id", place.ticketId)
      .eq("user_id", place.userId)
      .eq("is_internal", place.internal)
      .maybeSingle(),
  ).catch(() => null);
  if (here && (!row || here.at >= Date.parse(row.updated_at) || here.body === row.body)) return here;
  return row ? { ...EMPTY, body: row.body } : EMPTY;
}

/** Puts what was taken back from the outbox where its writer finds it, though another ticket is open. */
export async function putBack(client: Client, place: Place, begun: Begun): Promise<void> {
  keepHere(place, begun);
  await tell(client, place, begun.body);
}

/** `keep(begun)` with every change; `drop()` once it was sent: the desk removes its own with the message. */
export function useComposition(place: Place) {
  const client = useClient();
  const latest = useRef<{ place: Place; body: string } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const flush = useCallback(() => {
    clearTimeout(timer.current);
    const waiting = latest.current;
    latest.current = null;
    // What the desk does not hear of now, this browser still has.
    if (waiting) tell(client, waiting.place, waiting.body).catch(() => {});
  }, [client]);
  useEffect(() => {
    const hidden = () => document.visibilityState === "hidden" && flush();
    document.addEventListener("visibilitychange", hidden);
    return () => {
      document.removeEventListener("visibilitychange", hidden);
      flush();
    };
  }, [flush]);
  return useMemo(
    () => ({
      keep: (begun: Begun) => {
        keepHere(place, begun);
        latest.current = { place, body: begun.body };
        clearTimeout(timer.current);
        timer.current = setTimeout(flush, TELL_MS);
      },
      drop: () => {
        clearTimeout(timer.current);
        latest.current = null;
        keepHere(place, EMPTY);
      },
    }),
    [place, flush],
  );
}
