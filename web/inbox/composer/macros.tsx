/** Macros: several steps on the ticket under one name. */
import { useClient } from "@kit/api/client";
import { isConflict, ok, problemOf } from "@kit/api/errors";
import { IconButton, Menu, MenuItem, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Zap } from "lucide-react";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { catchUp } from "../thread/messages";
import type { Ticket } from "../tickets/ticket";
import { useComposerWords } from "./words";

type Macro = { id: string; name: string };

export function MacroMenu({ ticket, seenSeq }: { ticket: Ticket; seenSeq: () => number }) {
  const t = useComposerWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id } = useOrganization();
  const { data: macros = [] } = useQuery({
    queryKey: ["macros", organization_id, "names"],
    staleTime: 300_000,
    queryFn: async () =>
      ok(
        client
          .from("macros")
          .select("id, name")
          .eq("organization_id", organization_id)
          .order("name")
          .limit(200),
      ),
  });
  const run = async ({ id, name }: Macro) => {
    try {
      await ok(client.rpc("run_macro", { macro_id: id, ticket_id: ticket.id, expected_seq: seenSeq() }));
      toast(t("macroRan", { name }));
    } catch (error) {
      toast(
        isConflict(error)
          ? t("macroUnseen", { name })
          : t("macroFailed", { name, problem: problemOf(error).message }),
        { tone: "danger" },
      );
    }
    void queries.invalidateQueries({ queryKey: ["ticket", ticket.id] });
    void catchUp(client, queries, ticket.organization_id, ticket.id);
  };
  useCommands(
    macros.map((macro) => ({
      id: `macro.${macro.id}`,
      label: t("runMacro", { name: macro.name }),
      group: t("macros"),
      run: () => void run(macro),
    })),
  );
  return (
    <Menu
      trigger={
        <IconButton small label={t("macros")}>
          <Zap />
        </IconButton>
      }
    >
      {macros.length === 0 && <MenuItem label={t("noMacros")} onSelect={() => {}} />}
      {macros.map((macro) => (
        <MenuItem key={macro.id} label={macro.name} onSelect={() => void run(macro)} />
      ))}
    </Menu>
  );
}
