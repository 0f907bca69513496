/** Changing a ticket: shown at once, taken back where the desk refuses, undone while the toast stands (or by its key). */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import type { Ticket } from "../tickets/ticket";
import { useActionWords } from "./words";

type Columns = Partial<
  Pick<
    Row<"tickets">,
    | "subject"
    | "status"
    | "priority"
    | "category_id"
    | "team_id"
    | "assignee_id"
    | "is_spam"
    | "tags"
    | "ai_state"
  >
>;
/** `told`: what a toast says, with the way back. `shown`: what follows from the change, shown until the desk says it. */
export type Change = (
  columns: Columns,
  options?: { told?: string; shown?: Partial<Ticket> },
) => Promise<void>;
export type Changing = {
  change: Change;
  snooze: (until: Date, told: string) => Promise<void>;
  /** Takes back the last change of this ticket. */
  undo: () => void;
};

export function useTicketChange(ticket: Ticket): Changing {
  const t = useActionWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const id = ticket.id;
  const latest = useRef(ticket);
  latest.current = ticket;
  const back = useRef<(() => void) | null>(null);

  /** Shows `shown`, does `write`, and says so; `revert` is the way back. */
  const attempt = useCallback(
    async (
      shown: Partial<Ticket>,
      write: () => PromiseLike<unknown>,
      revert?: () => void,
      told?: string,
    ): Promise<void> => {
      const key = ["ticket", id, "row"];
      await queries.cancelQueries({ queryKey: key });
      const before = queries.getQueryData<Ticket>(key) ?? latest.current;
      queries.setQueryData<Ticket>(key, (now) => ({ ...(now ?? before), ...shown }));
      try {
        await write();
      } catch (error) {
        const old = Object.fromEntries(
          Object.keys(shown).map((name) => [name, before[name as keyof Ticket]]),
        );
        queries.setQueryData<Ticket>(key, (now) => ({ ...(now ?? before), ...old }));
        toast(t("failed", { problem: problemOf(error).message }), {
          tone: "danger",
          action: { label: t("again"), run: () => void attempt(shown, write, revert, told) },
        });
        return;
      } finally {
        void queries.invalidateQueries({ queryKey: ["ticket", id] });
      }
      back.current = revert ?? null;
      if (told) toast(told, revert ? { action: { label: t("undo"), run: revert } } : {});
    },
    [id, queries, toast, t],
  );

  const write = useCallback(
    (columns: Columns) => ok(client.from("tickets").update(columns).eq("id", id).select("id").single()),
    [client, id],
  );
  const sleep = useCallback(
    (until: string) => ok(client.rpc("snooze_ticket", { ticket_id: id, until })),
    [client, id],
  );

  const change = useCallback<Change>(
    (columns, { told, shown } = {}) => {
      const before = latest.current;
      const names = Object.keys(columns) as (keyof Columns)[];
      const old: Columns = Object.fromEntries(names.map((name) => [name, before[name]]));
      // Assigning a person takes the ticket from the AI: going back gives it back.
      if ("assignee_id" in columns && before.ai_state === "on") old.ai_state = "on";
      const asleep = before.snoozed_until && new Date(before.snoozed_until) > new Date();
      const revert = () =>
        void attempt({ ...old, ...(shown ? pick(before, shown) : {}) }, () =>
          "status" in columns && asleep ? sleep(before.snoozed_until as string) : write(old),
        );
      return attempt({ ...columns, ...shown }, () => write(columns), revert, told);
    },
    [attempt, write, sleep],
  );

  const snooze = useCallback(
    (until: Date, told: string) => {
      const { status, status_category, snoozed_until } = latest.current;
      const revert = () =>
        void attempt({ status, status_category, snoozed_until }, () =>
          snoozed_until && new Date(snoozed_until) > new Date() ? sleep(snoozed_until) : write({ status }),
        );
      const at = until.toISOString();
      return attempt(
        { status: "on_hold", status_category: "waiting", snoozed_until: at },
        () => sleep(at),
        revert,
        told,
      );
    },
    [attempt, write, sleep],
  );

  const undo = useCallback(() => {
    back.current?.();
    back.current = null;
  }, []);
  return { change, snooze, undo };
}

const pick = (from: Ticket, like: Partial<Ticket>): Partial<Ticket> =>
  Object.fromEntries(Object.keys(like).map((name) => [name, from[name as keyof Ticket]]));
