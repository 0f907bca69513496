/** Texts after `/`, people and teams after `@`: what fits what is being written, and what choosing one does. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useToast } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useOrganization } from "../shell/organization";
import type { Directory } from "../thread/people";
import { type Asking, askingAt, fits } from "./asking";
import { type Mentioned, mentionName } from "./mentions";
import type { Suggestion } from "./suggestions";
import { useComposerWords } from "./words";

const SHOWN = 20;
type Choice = Suggestion & ({ text: string } | { mention: Mentioned });

/** The organization's texts. Read when a composer is shown: the first `/` finds them. */
function useTexts() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["canned_responses", organization_id],
    staleTime: 300_000,
    queryFn: async () =>
      ok(
        client
          .from("canned_responses")
          .select("id, shortcut, title, body")
          .eq("organization_id", organization_id)
          .order("shortcut")
          .limit(1000),
      ),
  });
}

export function useSuggestions({
  ticketId,
  internal,
  directory,
  insert,
  mention,
}: {
  ticketId: string;
  internal: boolean;
  directory: Directory;
  /** Puts a text in the place of what was asked with. */
  insert: (asking: Asking, text: string) => void;
  mention: (mentioned: Mentioned) => void;
}) {
  const t = useComposerWords();
  const client = useClient();
  const toast = useToast();
  const texts = useTexts().data;
  const [asking, setAsking] = useState<Asking | null>(null);
  const [active, setActive] = useState(0);
  /** Escape puts a question aside until it is another one. */
  const [dismissed, setDismissed] = useState(-1);

  const options = useMemo((): Choice[] => {
    if (!asking) return [];
    if (asking.kind === "text")
      return (texts ?? [])
        .filter((each) => fits(asking.query, each.shortcut) || fits(asking.query, each.title))
        .slice(0, SHOWN)
        .map((each) => ({
          id: each.id,
          label: `/${each.shortcut}`,
          hint: each.title,
          detail: each.body.slice(0, 120),
          text: each.body,
        }));
    const people = directory.members.map((each) => ({ id: each.id, name: mentionName(each.name), hint: "" }));
    const teams = directory.teams.map((each) => ({
      id: `team:${each.id}`,
      name: mentionName(each.name),
      hint: t("team"),
    }));
    return [...people, ...teams]
      .filter(({ name }) => name && fits(asking.query, name))
      .slice(0, SHOWN)
      .map(({ id, name, hint }) => ({ id, label: name, hint, mention: { id, name } }));
  }, [asking, texts, directory, t]);
  // "@" and words that are no name's beginning are just words.
  const isOpen =
    asking !== null && asking.from !== dismissed && (options.length > 0 || !/\s/.test(asking.query));

  const choose = async (index: number) => {
    const option = options[index];
    if (!asking || !option) return;
    setAsking(null);
    if ("mention" in option) {
      mention(option.mention);
      insert(asking, `@${option.mention.name} `);
      return;
    }
    try {
      insert(asking, await ok(client.rpc("fill_text", { body: option.text, ticket_id: ticketId })));
    } catch (error) {
      toast(t("fillFailed", { problem: problemOf(error).message }), { tone: "danger" });
    }
  };

  return {
    isOpen,
    asking,
    options,
    active: Math.min(active, Math.max(options.length - 1, 0)),
    choose: (index: number) => void choose(index),
    /** With every change of text or caret. */
    look: (text: string, caret: number) => {
      const found = askingAt(text, caret, internal);
      setAsking((old) => {
        if (old?.from !== found?.from || old?.query !== found?.query) setActive(0);
        return found;
      });
      if (!found) setDismissed(-1);
    },
    close: () => setAsking(null),
    /** True where the key was for the list. */
    press: (key: string): boolean => {
      if (!isOpen) return false;
      const count = options.length;
      if (key === "Escape") setDismissed(asking?.from ?? -1);
      else if (!count) return false;
      else if (key === "ArrowDown") setActive((at) => (at + 1) % count);
      else if (key === "ArrowUp") setActive((at) => (at - 1 + count) % count);
      else if (key === "Enter" || key === "Tab") void choose(Math.min(active, count - 1));
      else return false;
      return true;
    },
  };
}
