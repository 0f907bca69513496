/** What the command bar finds by words: tickets and contacts, beside what can be done. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { useNavigate } from "react-router";
import type { Command } from "../../commands/registry";
import { useOrganization } from "../../shell/organization";
import { addressOf } from "./search_head";
import { useSearchWords } from "./words";

const SHOWN = 5;

export function useFoundCommands(typed: string): Command[] {
  const t = useSearchWords();
  const client = useClient();
  const navigate = useNavigate();
  const { organization_id, slug } = useOrganization();
  const query = useDeferredValue(typed.trim());
  const enabled = query.length >= 2;
  const tickets = useQuery({
    queryKey: ["tickets", organization_id, "bar", query],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: () => ok(client.rpc("search_tickets", { organization_id, query, max_tickets: SHOWN })),
  });
  const contacts = useQuery({
    queryKey: ["contacts", organization_id, "bar", query],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: () =>
      ok(
        client
          .rpc("search_contacts", { organization_id, query, max_contacts: SHOWN })
          .select("id, name, email"),
      ),
  });
  if (!enabled) return [];
  return [
    ...(tickets.data ?? []).map((each) => ({
      id: `found.${each.id}`,
      label: `#${each.number} ${each.subject}`,
      group: each.contact_name || each.contact_email || t("tickets"),
      run: () => navigate(`/${slug}/ticket/${each.number}`),
    })),
    ...(contacts.data ?? []).map((each) => ({
      id: `found.${each.id}`,
      label: each.name || each.email || t("noName"),
      group: each.email ?? t("contacts"),
      run: () => navigate(`/${slug}/contacts/${each.id}`),
    })),
    {
      id: "found.everywhere",
      label: t("everywhere", { query }),
      keys: "/",
      run: () => navigate(addressOf(slug, query)),
    },
  ];
}
