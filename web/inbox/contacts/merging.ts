/** Making two contacts one, and two of one again. */
import { useClient } from "@kit/api/client";
import { isConflict, ok, problemOf } from "@kit/api/errors";
import { useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import { nameOf } from "./contact";
import { useContactWords } from "./words";

type Named = { id: string; name: string | null; email: string | null; phone?: string | null };
/** `mayShare`: what stands against it is told over by saying that it is wanted. */
export type Wrong = { problem: string; mayShare: boolean };

export function useMergeContacts() {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id } = useOrganization();
  const refresh = () => {
    void queries.invalidateQueries({ queryKey: ["contact"] });
    void queries.invalidateQueries({ queryKey: ["contacts", organization_id] });
    void queries.invalidateQueries({ queryKey: ["ticket"] });
  };
  const undo = async (mergeId: string, name: string) => {
    try {
      await ok(client.rpc("unmerge_contacts", { merge_id: mergeId }));
      toast(t("unmerged", { name }));
    } catch (error) {
      const { message, hint } = problemOf(error);
      toast(t("failed", { problem: [message, hint].filter(Boolean).join(". ") }), { tone: "danger" });
    }
    refresh();
  };
  const merge = async (winner: Named, loser: Named, share = false): Promise<Wrong | undefined> => {
    try {
      const [made] = await ok(
        client.rpc("merge_contacts", { winner_id: winner.id, loser_ids: [loser.id], share }),
      );
      refresh();
      toast(t("merged", { loser: nameOf(loser), winner: nameOf(winner) }), {
        ms: 10_000,
        ...(made ? { action: { label: t("undo"), run: () => void undo(made.id, nameOf(loser)) } } : {}),
      });
      return undefined;
    } catch (error) {
      const { message, hint } = problemOf(error);
      return { problem: message, mayShare: isConflict(error) && /share/.test(hint ?? "") };
    }
  };
  return { merge, undo, refresh };
}
