/**
 * What somebody has sent, until the desk has it.
 *
 * A reply waits some seconds before the call is made: until then it can be taken back. Waiting here and not in the database
 * means that nobody else, no mail and no rule has seen it yet. What keeps it safe meanwhile:
 *
 * - It is written to localStorage before anything else, and leaves it only when the desk has said yes.
 * - Going to another ticket or page of the inbox changes nothing: this belongs to the page, not to a component.
 * - Leaving the page ends the wait: what waits is sent there and then by requests that outlive the page (`keepalive`).
 * - What a page has left behind (a crash, no network while leaving) is taken over by the next one. Whether the desk has it
 *   already is looked up first. What was sent moments ago is sent again; what is older waits for its writer's word, because an
 *   answer must not go out by surprise days later.
 * - Nothing is sent twice: the desk refuses a reply over a message that was not seen, and the reply itself, if the desk had
 *   it, is such a message.
 */
import type { Client } from "@kit/api/client";
import { isOffline, ok, problemOf, Refused } from "@kit/api/errors";
import { adoptLeftBehind, keep, type Shelf } from "./outbox_shelf";

export type Outgoing = {
  id: string;
  userId: string;
  organizationId: string;
  ticketId: string;
  number: number;
  /** As the desk gets it: mentions are written out. */
  body: string;
  internal: boolean;
  files: { path: string; name: string; bytes: number }[];
  /** The last message that its writer had seen. */
  expectedSeq: number;
  /** The AI's draft that it answers with, as it was or edited. */
  draftId: string | null;
  /** Sets this status once it is sent. */
  thenStatus: string | null;
  sendAt: number;
  /** waiting: can be taken back; sent: until the message itself is shown; refused: over a message that was not seen;
   *  failed: see `problem`. */
  state: "waiting" | "sending" | "sent" | "refused" | "failed";
  /** A call was made whose outcome is not known. */
  isInDoubt: boolean;
  problem: string | null;
};
export type Told =
  | { what: "sent" | "taken"; entry: Outgoing }
  | { what: "refused" | "failed"; entry: Outgoing }
  | { what: "status failed"; entry: Outgoing; problem: string };

export const UNDO_MS = 5_000;
/** Left behind this long ago, it is sent again without asking. */
const RECENT_MS = 2 * 60_000;

export class Outbox {
  private entries: readonly Outgoing[] = [];
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly watchers = new Set<() => void>();
  private readonly hearers = new Set<(told: Told) => void>();
  private readonly shelf: Shelf;
  private token = "";

  constructor(
    private readonly client: Client,
    private readonly userId: string,
  ) {
    this.shelf = keep();
    this.client.auth.onAuthStateChange((_event, session) => {
      this.token = session?.access_token ?? "";
    });
    addEventListener("pagehide", () => this.leave());
    addEventListener("online", () => this.tryAgainOnline());
    void adoptLeftBehind(this.shelf, (found) => this.adopt(found));
  }

  readonly all = (): readonly Outgoing[] => this.entries;

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };

  readonly hear = (hearer: (told: Told) => void): (() => void) => {
    this.hearers.add(hearer);
    return () => void this.hearers.delete(hearer);
  };

  /** Takes it in; it goes out when its time has come. */
  put(entry: Omit<Outgoing, "id" | "userId" | "state" | "isInDoubt" | "problem">): string {
    const id = crypto.randomUUID();
    this.set([
      ...this.entries,
      { ...entry, id, userId: this.userId, state: "waiting", isInDoubt: false, problem: null },
    ]);
    this.schedule(id, entry.sendAt - Date.now());
    return id;
  }

  /** Takes back what waits, or what has failed. Null where it is too late. */
  take(id: string): Outgoing | null {
    const found = this.find(id);
    if (!found || found.state === "sending" || found.state === "sent") return null;
    clearTimeout(this.timers.get(id));
    this.forget(id);
    this.tell({ what: "taken", entry: found });
    return found;
  }

  /** What waits for a ticket goes out now. */
  hurry(ticketId: string): void {
    for (const entry of this.entries)
      if (entry.ticketId === ticketId && entry.state === "waiting") this.schedule(entry.id, 0);
  }

  /** `expectedSeq`: what its writer has seen by now. */
  again(id: string, expectedSeq?: number): void {
    const found = this.find(id);
    if (found?.state !== "failed" && found?.state !== "refused") return;
    this.change(id, { state: "waiting", problem: null, ...(expectedSeq ? { expectedSeq } : {}) });
    this.schedule(id, 0);
  }

  private schedule(id: string, ms: number): void {
    clearTimeout(this.timers.get(id));
    this.timers.set(
      id,
      setTimeout(() => void this.send(id), Math.max(ms, 0)),
    );
  }

  private async send(id: string): Promise<void> {
    const entry = this.find(id);
    if (entry?.state !== "waiting") return;
    const wasInDoubt = entry.isInDoubt;
    this.change(id, { state: "sending", isInDoubt: true });
    try {
      if (wasInDoubt && (await this.isThere(entry))) return await this.sent(entry);
      await this.call(entry);
      await this.sent(entry);
    } catch (error) {
      if (await this.wasRefusedByItself(entry, error, wasInDoubt)) return await this.sent(entry);
      const { code, message, hint } = problemOf(error);
      const isAnswer = error instanceof Refused && !isOffline(error) && (error.status ?? 400) < 500;
      const state = code === "PT409" ? "refused" : "failed";
      this.change(id, {
        state,
        // The desk has answered: it does not have it.
        isInDoubt: wasInDoubt || !isAnswer,
        problem: isOffline(error) ? "offline" : [message, hint].filter(Boolean).join(". "),
      });
      const failed = this.find(id);
      if (failed) this.tell({ what: state, entry: failed });
    }
  }

  private async call(entry: Outgoing): Promise<void> {
    const [name, args] = callOf(entry);
    if (name === "accept_draft") await ok(this.client.rpc("accept_draft", args));
    else {
      const message = await ok(this.client.rpc("send_reply", args));
      if (entry.draftId) await this.sayEdited(entry, entry.draftId, message.id);
    }
  }

  /** A draft that went out with files: what accept_draft notes of others. */
  private async sayEdited(entry: Outgoing, draftId: string, messageId: string): Promise<void> {
    await this.client
      .from("drafts")
      .update({ status: "edited", sent_message_id: messageId })
      .eq("id", draftId);
    await this.client.from("draft_feedback").insert({
      organization_id: entry.organizationId,
      draft_id: draftId,
      member_id: entry.userId,
      verdict: "edited",
      final_text: entry.body,
    });
  }

  private async sent(entry: Outgoing): Promise<void> {
    this.change(entry.id, { state: "sent" });
    this.tell({ what: "sent", entry });
    if (!entry.thenStatus) return;
    try {
      await ok(this.client.from("tickets").update({ status: entry.thenStatus }).eq("id", entry.ticketId));
    } catch (error) {
      this.tell({ what: "status failed", entry, problem: problemOf(error).message });
    }
  }

  /** Has the desk got it from an earlier call? */
  private async isThere(entry: Outgoing): Promise<boolean> {
    const found = await ok(
      this.client
        .from("messages")
        .select("id, body_text")
        .eq("organization_id", entry.organizationId)
        .eq("ticket_id", entry.ticketId)
        .eq("member_id", entry.userId)
        .eq("is_internal", entry.internal)
        .gt("seq", entry.expectedSeq),
    );
    return found.some((each) => each.body_text.trim() === entry.body.trim());
  }

  /** The message that it was refused over, or that has used up its draft, may be the reply itself. */
  private async wasRefusedByItself(entry: Outgoing, error: unknown, wasInDoubt: boolean): Promise<boolean> {
    if (!wasInDoubt || !/^PT40[49]$/.test(problemOf(error).code)) return false;
    return this.isThere(entry).catch(() => false);
  }

  /** The page goes away: what waits is sent now, by requests that it need not be there for. */
  private leave(): void {
    const address = this.client as unknown as { supabaseUrl: string; supabaseKey: string };
    for (const entry of this.entries) {
      if (entry.state !== "waiting" || !this.token) continue;
      clearTimeout(this.timers.get(entry.id));
      const [name, args] = callOf(entry);
      this.change(entry.id, { isInDoubt: true });
      // Too long for such a request: it stays, and the next page takes it over.
      void fetch(`${address.supabaseUrl}/rest/v1/rpc/${name}`, {
        method: "POST",
        keepalive: true,
        headers: {
          apikey: address.supabaseKey,
          authorization: `Bearer ${this.token}`,
          "content-type": "application/json",
        },
        body: JSON.stringify(args),
      }).then(
        // Still here: the browser had only put the page aside.
        () => this.schedule(entry.id, 0),
        () => this.schedule(entry.id, 0),
      );
    }
  }

  private adopt(found: Outgoing[]): void {
    const own = found.filter((each) => each.userId === this.userId);
    if (own.length === 0) return;
    const now = Date.now();
    this.set([
      ...this.entries,
      ...own.map((each) => ({
        ...each,
        state: now - each.sendAt < RECENT_MS ? ("waiting" as const) : ("failed" as const),
        isInDoubt: each.isInDoubt || each.state === "sending",
        problem: each.problem ?? "left",
      })),
    ]);
    for (const each of own) {
      const mine = this.find(each.id);
      if (mine?.state === "waiting") this.schedule(each.id, 0);
      else if (mine)
        void this.isThere(mine).then(
          (there) => (there ? this.sent(mine) : this.tell({ what: "failed", entry: mine })),
          () => this.tell({ what: "failed", entry: mine }),
        );
    }
  }

  private tryAgainOnline(): void {
    for (const entry of this.entries) {
      if (entry.state === "failed" && entry.problem === "offline") this.again(entry.id);
    }
  }

  private readonly find = (id: string) => this.entries.find((each) => each.id === id);

  private change(id: string, changes: Partial<Outgoing>): void {
    this.set(this.entries.map((each) => (each.id === id ? { ...each, ...changes } : each)));
  }

  /** The message itself is shown. */
  forget(id: string): void {
    this.set(this.entries.filter((each) => each.id !== id));
  }

  private set(entries: readonly Outgoing[]): void {
    this.entries = entries;
    this.shelf.write(entries.filter(({ state }) => state !== "sent"));
    for (const watcher of this.watchers) watcher();
  }

  private tell(told: Told): void {
    for (const hearer of this.hearers) hearer(told);
  }
}

type Call =
  | [
      "send_reply",
      { ticket_id: string; body: string; expected_seq: number; internal: boolean; files: string[] },
    ]
  | ["accept_draft", { draft_id: string; body: string; expected_seq: number }];

function callOf(entry: Outgoing): Call {
  const { body, expectedSeq: expected_seq } = entry;
  // Files go with a reply alone: then it is one, and the draft is superseded by it.
  if (entry.draftId && entry.files.length === 0)
    return ["accept_draft", { draft_id: entry.draftId, body, expected_seq }];
  const files = entry.files.map(({ path }) => path);
  return ["send_reply", { ticket_id: entry.ticketId, body, expected_seq, internal: entry.internal, files }];
}
