/** Merges and splits: doing them, seeing them, and taking them back. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useNavigate } from "react-router";
import { useOrganization } from "../shell/organization";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import { useActionWords } from "./words";

type Numbered = { id: string; number: number };
export type Move = Pick<Row<"ticket_moves">, "id" | "kind" | "from_ticket_id" | "to_ticket_id"> & {
  from: Numbered | null;
  to: Numbered | null;
};

/** What was moved from or to a ticket and can still be taken back, the latest first. */
export function useMoves(ticket: Ticket) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["ticket", ticket.id, "moves"],
    queryFn: async () =>
      (await ok(
        client
          .from("ticket_moves")
          .select(
            "id, kind, from_ticket_id, to_ticket_id, from:tickets!ticket_moves_organization_id_from_ticket_id_fkey(id, number), to:tickets!ticket_moves_organization_id_to_ticket_id_fkey(id, number)",
          )
          .eq("organization_id", organization_id)
          .or(`from_ticket_id.eq.${ticket.id},to_ticket_id.eq.${ticket.id}`)
          .is("undone_at", null)
          .order("id", { ascending: false })
          .limit(5),
      )) as unknown as Move[],
  });
}

export function useUndoMove() {
  const t = useActionWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  return useCallback(
    async (moveId: string) => {
      try {
        await ok(client.rpc("undo_move", { move_id: moveId }));
        toast(t("moveUndone"));
      } catch (error) {
        toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
      }
      void queries.invalidateQueries({ queryKey: ["ticket"] });
    },
    [client, queries, toast, t],
  );
}

/** `merge(from, into, share)` says what was wrong, or nothing. Where the open ticket went, the screen goes too. */
export function useMerge() {
  const t = useActionWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const undo = useUndoMove();
  const { slug } = useOrganization();
  const navigate = useNavigate();
  return useCallback(
    async (from: Numbered, into: Numbered, share: boolean): Promise<string | undefined> => {
      try {
        const [move] = await ok(
          client.rpc("merge_tickets", { into_ticket_id: into.id, ticket_ids: [from.id], share }),
        );
        void queries.invalidateQueries({ queryKey: ["ticket"] });
        toast(t("merged", { from: `#${from.number}`, into: `#${into.number}` }), {
          ms: 10_000,
          ...(move ? { action: { label: t("undo"), run: () => void undo(move.id) } } : {}),
        });
        if (location.pathname.endsWith(`/${from.number}`)) navigate(`/${slug}/ticket/${into.number}`);
        return undefined;
      } catch (error) {
        const { message, hint } = problemOf(error);
        return [message, hint].filter(Boolean).join(". ");
      }
    },
    [client, queries, toast, undo, slug, navigate, t],
  );
}

/** Stands over a ticket whose messages are elsewhere now. */
export function MergedBanner({ ticket, mayUndo }: { ticket: Ticket; mayUndo: boolean }) {
  const t = useActionWords();
  const { slug } = useOrganization();
  const navigate = useNavigate();
  const undo = useUndoMove();
  const moves = useMoves(ticket).data ?? [];
  const merge = moves.find(({ kind, from_ticket_id }) => kind === "merge" && from_ticket_id === ticket.id);
  if (!ticket.merged_into) return null;
  return (
    <div className={styles.banner} role="status">
      <span>{t("mergedInto", { number: merge?.to ? `#${merge.to.number}` : "…" })}</span>
      {merge?.to && (
        <Button small onClick={() => navigate(`/${slug}/ticket/${merge.to?.number}`)}>
          {t("goThere")}
        </Button>
      )}
      {merge && mayUndo && (
        <Button small onClick={() => void undo(merge.id)}>
          {t("undo")}
        </Button>
      )}
    </div>
  );
}
